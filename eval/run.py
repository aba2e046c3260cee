"""Runs and qrels: the two mappings that every measure compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import gt
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

__all__ = ["OrderedRun", "Qrels", "Run", "Ties", "decreasing", "ranking", "run_from_rows"]

Run: TypeAlias = dict[str, dict[str, float]]
"""Query id -> document id -> score; `ranking` says which order that means."""

Ties: TypeAlias = Literal["trec_eval", "engine"]
"""What orders equal scores: the document id, last first, or the engine that found them."""

Qrels: TypeAlias = dict[str, dict[str, int]]
"""Query id -> document id -> grade. Grades of 1 and more are relevant."""


@runtime_checkable
class OrderedRun(Protocol):
    """A run that knows the order of a query's documents without their scores."""

    def order(self, query_id: str) -> list[str]:
        """Return the document ids of one query, best first, as `ranking` has them."""
        ...


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
    *,
    ties: Ties = "trec_eval",
) -> Run:
    """Turn the rows that a search found into a run.

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
    ties
        What orders equal scores, as `decreasing` has it.
    """
    run: Run = {}
    for query_id, found, weights in zip(query_ids, rows, scores, strict=True):
        count = int((found >= 0).sum())
        ids = [document_ids[row] for row in found[:count].tolist()]
        values = decreasing(weights[:count], ties=ties).tolist()
        run[query_id] = dict(zip(ids, values, strict=True))
    return run


def decreasing(
    scores: npt.NDArray[np.floating[Any]], *, ties: Ties = "engine"
) -> npt.NDArray[np.float32]:
    """Return the scores of a ranking so that every reader of a run orders it as it is.

    A score that is not below the one before it, as a float32, becomes the next float32 below
    that one: trec_eval reads scores as 32-bit floats.

    Parameters
    ----------
    scores
        float[k], finite, best first.
    ties
        ``"engine"`` tells equal scores apart, too, so that the order of the engine that found
        them holds. ``"trec_eval"`` leaves them equal, for `ranking` to order by document id.

    Returns
    -------
    ndarray
        float32[k], decreasing; strictly, with ``"engine"``.
    """
    bits = scores.astype(np.float32).view(np.int32).astype(np.int64)
    # As whole numbers, neighbouring floats differ by one.
    whole = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
    apart = np.ones(len(scores), dtype=np.int64)
    if ties == "trec_eval":
        apart[1:] = scores[1:] != scores[:-1]
    steps = np.cumsum(apart)
    whole = np.minimum.accumulate(whole + steps) - steps
    return np.where(whole < 0, 0x80000000 - whole, whole).astype(np.uint32).view(np.float32)
