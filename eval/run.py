"""Runs and qrels: the two mappings that every measure compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Qrels", "Run", "ranking", "run_from_rows"]

Run: TypeAlias = dict[str, dict[str, float]]
"""Query id -> document id -> score; `ranking` says which order that means."""

Qrels: TypeAlias = dict[str, dict[str, int]]
"""Query id -> document id -> grade. Grades of 1 and more are relevant."""


def ranking(scores: Mapping[str, float]) -> list[str]:
    """Return the document ids of one query of a run, best first.

    Equal scores are ordered by document id, last first: the rule of trec_eval, and so of the
    measures that are published.
    """
    return sorted(scores, key=lambda document_id: (scores[document_id], document_id), reverse=True)


def run_from_rows(
    rows: npt.NDArray[np.integer[Any]],
    scores: npt.NDArray[np.floating[Any]],
    query_ids: Sequence[str],
    document_ids: Sequence[str],
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
    """
    run: Run = {}
    for query_id, found, weights in zip(query_ids, rows, scores, strict=True):
        count = int((found >= 0).sum())
        ids = [document_ids[row] for row in found[:count].tolist()]
        run[query_id] = dict(zip(ids, weights[:count].tolist(), strict=True))
    return run
