"""The order of a search: a heap of results, worst first, and candidates by their bounds."""

from __future__ import annotations

import numpy as np

from rarefy.index.compilation import kernel
from rarefy.index.layout import Array

__all__ = ["offer", "order_by_bound", "sort_results"]

STEPS = 256
RADIX_FROM = 256
"""Results from which sorting by digits is quicker than comparing."""


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
def offer(rows: Array, scores: Array, found: int, row: int, score: float) -> int:
    """Put a document among the results if it is one of the best k; return how many there are.

    Once they are k they are a heap, worst first.
    """
    if found < rows.size:
        rows[found], scores[found] = row, score
        found += 1
        if found == rows.size:
            worst_first(rows, scores, found)
    elif worse(scores[0], rows[0], score, row):
        settle(rows, scores, found, 0, row, score)
    return found


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
    keys = np.sort(keys) if size < RADIX_FROM else _sorted_by_digits(keys)
    for i in range(size):
        bits[i] = ~np.uint32(keys[i] >> np.uint64(32))
        rows[i] = keys[i] & np.uint64(0xFFFFFFFF)


@kernel
def _sorted_by_digits(keys: Array) -> Array:
    """Sort uint64 byte by byte, the last first, but for bytes in which all agree."""
    common = keys[0]
    differing = np.uint64(0)
    for i in range(keys.size):
        differing |= keys[i] ^ common
    other = np.empty_like(keys)
    for digit in range(8):
        places = np.uint64(8 * digit)
        if (differing >> places) & np.uint64(255) == 0:
            continue
        starts = np.zeros(257, np.int64)
        for i in range(keys.size):
            starts[((keys[i] >> places) & np.uint64(255)) + np.uint64(1)] += 1
        for byte in range(256):
            starts[byte + 1] += starts[byte]
        for i in range(keys.size):
            byte = (keys[i] >> places) & np.uint64(255)
            other[starts[byte]] = keys[i]
            starts[byte] += 1
        keys, other = other, keys
    return keys


@kernel
def order_by_bound(bounds: Array, count: int, order: Array) -> None:
    """Write the places of the candidates into `order`, highest bound first.

    Sorting by counting: bounds in one of 256 steps between the lowest and the highest keep the
    order they have.
    """
    lowest, highest = bounds[0], bounds[0]
    for i in range(count):
        lowest, highest = min(lowest, bounds[i]), max(highest, bounds[i])
    width = (highest - lowest) // STEPS + 1
    starts = np.zeros(STEPS + 1, np.int64)
    for i in range(count):
        starts[(highest - bounds[i]) // width + 1] += 1
    for step in range(STEPS):
        starts[step + 1] += starts[step]
    for i in range(count):
        step = (highest - bounds[i]) // width
        order[starts[step]] = i
        starts[step] += 1
