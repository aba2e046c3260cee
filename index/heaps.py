"""Two heaps over arrays: the results of a search, worst first, and its candidates, best first."""

from __future__ import annotations

import numpy as np

from rarefy.index.compilation import kernel
from rarefy.index.layout import Array

__all__ = ["settle", "sink", "sort_results", "worse", "worst_first"]


@kernel
def worse(score: float, row: int, other_score: float, other_row: int) -> bool:
    """Return whether (score, row) ranks behind (other_score, other_row)."""
    return score < other_score or (score == other_score and row > other_row)


@kernel
def settle(rows: Array, scores: Array, size: int, at: int, row: int, score: float) -> None:
    """Put a result in place `at` of a heap of `size`, or below, in the stead of what is there."""
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        right = child + 1
        if right < size and worse(scores[right], rows[right], scores[child], rows[child]):
            child = right
        if not worse(scores[child], rows[child], score, row):
            break
        rows[at], scores[at] = rows[child], scores[child]
        at = child
    rows[at], scores[at] = row, score


@kernel
def worst_first(rows: Array, scores: Array, size: int) -> None:
    """Make a heap of results in any order."""
    for at in range((size - 2) >> 1, -1, -1):
        settle(rows, scores, size, at, rows[at], scores[at])


@kernel
def sort_results(rows: Array, scores: Array, size: int) -> None:
    """Order results in any order best first.

    The bits of floats that are not negative order as the floats do, so that one integer holds a
    score, turned round, and a row.
    """
    bits = scores[:size].view(np.uint32)
    keys = np.empty(size, np.uint64)
    for i in range(size):
        keys[i] = (np.uint64(~bits[i]) << np.uint64(32)) | np.uint64(rows[i])
    keys = np.sort(keys)
    for i in range(size):
        bits[i] = ~np.uint32(keys[i] >> np.uint64(32))
        rows[i] = keys[i] & np.uint64(0xFFFFFFFF)


@kernel
def sink(candidates: Array, bounds: Array, at: int, size: int) -> None:
    """Restore a heap of candidates whose entry `at` may be too high up."""
    candidate, bound = candidates[at], bounds[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and bounds[child + 1] > bounds[child]:
            child += 1
        if bounds[child] <= bound:
            break
        candidates[at], bounds[at] = candidates[child], bounds[child]
        at = child
    candidates[at], bounds[at] = candidate, bound
