"""Fair timings: engines take turns, chunk by chunk, on one pinned core."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from engines import Engine

__all__ = ["Run", "hits", "interleaved", "pin", "recall"]

CHUNK = 100
WARM = 25
ROUNDS = 3


class Run(NamedTuple):
    """What is timed: an engine, queries csr[m, V] and how many documents are asked for."""

    engine: Engine
    queries: Any
    k: int


def pin() -> None:
    """Keep this process on the last of its cores, where the system allows that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def interleaved(
    runs: Sequence[Run], *, rounds: int = ROUNDS
) -> tuple[list[dict[str, float]], list[list[list[int]]]]:
    """Time each run on each of its queries, one query a call.

    The runs take turns on chunks of 100 queries, so that a slow minute of the machine falls on
    all of them; each query's time is the median over the rounds. One round before is not counted,
    nor are 25 other queries at the start of a turn: they bring the engine's data back into the
    processor's caches, which the other engines filled.

    Returns
    -------
    list of dict
        For each run the mean, p50 and p99 of its queries' times in microseconds.
    list of list of list of int
        For each run the rows that it returned for each query.
    """
    prepared = [
        [run.engine.prepare(run.queries[[i]]) for i in range(run.queries.shape[0])] for run in runs
    ]
    most = max(len(queries) for queries in prepared)
    times = [np.zeros((rounds, len(queries))) for queries in prepared]
    rows: list[list[list[int]]] = [[[] for _ in queries] for queries in prepared]
    for turn in range(-1, rounds):
        for start in range(0, most, CHUNK):
            for r, (engine, _, k) in enumerate(runs):
                chunk = range(start, min(start + CHUNK, len(prepared[r])))
                for i in range(start - WARM, start) if chunk else ():
                    engine.search(prepared[r][i % len(prepared[r])], k)
                for i in chunk:
                    query = prepared[r][i]
                    began = time.perf_counter()
                    found = engine.search(query, k)
                    times[r][max(turn, 0), i] = time.perf_counter() - began
                    rows[r][i] = [int(row) for row in found]
    figures = []
    for taken in times:
        typical = np.median(taken, axis=0) * 1e6
        p50, p99 = np.percentile(typical, [50, 99])
        figures.append({"mean": float(typical.mean()), "p50": float(p50), "p99": float(p99)})
    return figures, rows


def recall(found: list[list[int]], exact: list[list[int]]) -> float:
    """Return the mean share of the exact rows that were found."""
    shares = [
        len(set(some) & set(best)) / len(best)
        for some, best in zip(found, exact, strict=True)
        if best
    ]
    return float(np.mean(shares))


def hits(
    found: Sequence[list[list[int]]], documents: Any, queries: Any, k: int, tolerance: float
) -> list[float]:
    """Return the recall of each run, counting scores instead of rows: ties do not matter.

    Parameters
    ----------
    found
        For each run the rows for each query.
    documents, queries
        csr[n, V] and csr[m, V].
    k
        The best k documents of each query are to be found.
    tolerance
        A document counts if its score falls short of the k-th best by this share at most.
    """
    columns = documents.tocsc()
    shares = np.zeros((len(found), queries.shape[0]))
    for i in range(queries.shape[0]):
        query = queries[[i]]
        scores = columns[:, query.indices] @ query.data.astype(np.float64)
        least = np.partition(scores, -k)[-k] * (1 - tolerance)
        for r, rows in enumerate(found):
            shares[r, i] = min(k, (scores[list(set(rows[i]))] >= least).sum()) / k
    return shares.mean(axis=1).tolist()
