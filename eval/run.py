"""Runs and qrels: the two mappings that every measure compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import gt
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Qrels", "Run", "decreasing", "ranking", "run_from_rows"]

Run: TypeAlias = dict[str, dict[str, float]]
"""Query id -> document id -> score; `ranking` says which order that means."""

Qrels: TypeAlias = dict[str, dict[str, int]]
"""Query id -> document id -> grade. Grades of 1 and more are relevant."""


def ranking(scores: Mapping[str, float]) -> list[str]:
    """Return the document ids of one query of a run, best first.

    Equal scores are ordered by document id, last first: the rule of trec_eval, and so of the
    measures that are published.
    """
    found = list(scores.values())
    if all(map(gt, found, found[1:])):  # in order already, as searches give them
        return list(scores)
    return sorted(scores, key=lambda document_id: (scores[document_id], document_id), reverse=True)


def run_from_rows(
    rows: npt.NDArray[np.integer[Any]],
    scores: npt.NDArray[np.floating[Any]],
    query_ids: Sequence[str],
    document_ids: Sequence[str],
) -> Run:
    """Turn the rows that a search found into a run that keeps their order.

    Scores are those of `decreasing`: where an engine found equal ones, its own rule about ties
    orders the run, whoever measures it.

    Parameters
    ----------
    rows
        int[queries, k], rows of the documents found, best first, -1 where there are fewer than k.
    scores
        float[queries, k], their scores.
    query_ids
        One id for each row of `rows`.
    document_ids
        One id for each document.
    """
    run: Run = {}
    for query_id, found, weights in zip(query_ids, rows, scores, strict=True):
        count = int((found >= 0).sum())
        ids = [document_ids[row] for row in found[:count].tolist()]
        run[query_id] = dict(zip(ids, decreasing(weights[:count]).tolist(), strict=True))
    return run


def decreasing(scores: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """Return the scores of a ranking so that no reader can order it in another way.

    A score that is not below the one before it, as a float32, becomes the next float32 below
    that one. trec_eval reads scores as 32-bit floats and orders equal ones by document id.

    Parameters
    ----------
    scores
        float[k], finite, best first.

    Returns
    -------
    ndarray
        float32[k], strictly decreasing.
    """
    bits = scores.astype(np.float32).view(np.int32).astype(np.int64)
    # As whole numbers, neighbouring floats differ by one.
    whole = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
    steps = np.arange(len(whole))
    whole = np.minimum.accumulate(whole + steps) - steps
    return np.where(whole < 0, 0x80000000 - whole, whole).astype(np.uint32).view(np.float32)
