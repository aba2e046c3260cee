"""Two heaps over arrays: the results of a search, worst first, and its candidates, best first."""

from __future__ import annotations

from rarefy.index.compilation import kernel
from rarefy.index.layout import Array

__all__ = ["push", "replace_worst", "sink", "sort_results", "worse"]


@kernel
def worse(score: float, row: int, other_score: float, other_row: int) -> bool:
    """Return whether (score, row) ranks behind (other_score, other_row)."""
    return score < other_score or (score == other_score and row > other_row)


@kernel
def push(rows: Array, scores: Array, size: int, row: int, score: float) -> None:
    """Add an entry to a heap of `size` entries."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if not worse(score, row, scores[parent], rows[parent]):
            break
        rows[at], scores[at] = rows[parent], scores[parent]
        at = parent
    rows[at], scores[at] = row, score


@kernel
def replace_worst(rows: Array, scores: Array, size: int, row: int, score: float) -> None:
    """Put an entry in the place of the worst of a heap of `size` entries."""
    at = 0
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
def sort_results(rows: Array, scores: Array, size: int) -> None:
    """Order a heap best first."""
    for last in range(size - 1, 0, -1):
        row, score = rows[last], scores[last]
        rows[last], scores[last] = rows[0], scores[0]
        replace_worst(rows, scores, last, row, score)


@kernel
def sink(candidates: Array, bounds: Array, at: int, size: int) -> None:
    """Restore a heap, highest bound first, whose entry `at` may be too high up."""
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
