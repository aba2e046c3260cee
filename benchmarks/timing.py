"""Fair timings: engines take turns, chunk by chunk, on one pinned core."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from peers import Engine

__all__ = ["interleaved", "pin", "recall"]

CHUNK = 25
ROUNDS = 3


def pin() -> None:
    """Keep this process on the last of its cores, where the system allows that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def interleaved(
    engines: Sequence[Engine], queries: Any, k: int, *, rounds: int = ROUNDS
) -> tuple[list[dict[str, float]], list[list[list[int]]]]:
    """Time each engine on each query, one query a call.

    The engines take turns on chunks of 25 queries, so that a slow minute of the machine falls on
    all of them; each query's time is the median over the rounds. One round before is not counted.

    Returns
    -------
    list of dict
        For each engine the mean, p50 and p99 of its queries' times in microseconds.
    list of list of list of int
        For each engine the rows that it returned for each query.
    """
    n = queries.shape[0]
    prepared = [[engine.prepare(queries[[i]]) for i in range(n)] for engine in engines]
    times = np.zeros((len(engines), rounds, n))
    rows: list[list[list[int]]] = [[[] for _ in range(n)] for _ in engines]
    for turn in range(-1, rounds):
        for start in range(0, n, CHUNK):
            for e, engine in enumerate(engines):
                for i in range(start, min(start + CHUNK, n)):
                    query = prepared[e][i]
                    began = time.perf_counter()
                    found = engine.search(query, k)
                    times[e, max(turn, 0), i] = time.perf_counter() - began
                    rows[e][i] = [int(row) for row in found]
    figures = []
    for taken in np.median(times, axis=1) * 1e6:
        p50, p99 = np.percentile(taken, [50, 99])
        figures.append({"mean": float(taken.mean()), "p50": float(p50), "p99": float(p99)})
    return figures, rows


def recall(found: list[list[int]], exact: list[list[int]]) -> float:
    """Return the mean share of the exact rows that were found."""
    shares = [
        len(set(some) & set(best)) / len(best)
        for some, best in zip(found, exact, strict=True)
        if best
    ]
    return float(np.mean(shares))
