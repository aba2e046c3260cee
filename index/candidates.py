"""Candidates: the documents of chosen blocks, bounded, then scored from their own postings."""

from __future__ import annotations

import numpy as np

from rarefy.index.compilation import kernel
from rarefy.index.filters import Filter
from rarefy.index.heaps import offer, order_by_bound
from rarefy.index.impacts import MAX_SUM, admitted_bound
from rarefy.index.intrinsics import LANES, lanes_at_least, lowest_bit, prefetch
from rarefy.index.layout import Array, Layout
from rarefy.index.scratch import Scratch

__all__ = ["bound_documents", "collect", "keep_highest", "score_best"]

CALLEES = "efb35dcce516"
"""The start of the SHA-256 of the files of kernels that are called here; see their test."""
AHEAD = 4
"""Documents between a prefetch and its use in a score."""
FURTHER_AHEAD = 8
"""And in a bound, which takes less time."""


@kernel
def collect(
    layout: Layout,
    block_size: int,
    scratch: Scratch,
    allowed: Filter,
    low: int,
    high: int,
    least: float,
    shift: int,
    rest: int,
) -> int:
    """Bound the documents of the blocks whose sum is in [low, high).

    Where blocks are single documents, the sum, and what terms that were not added can contribute
    (`rest`), is the document's bound.

    Writes those whose bound is positive and at least `least` into `scratch.candidates` and
    `scratch.bounds` and returns how many they are.
    """
    n = layout.indptr.size - 1
    sums, chosen = scratch.sums, scratch.order
    n_chosen = 0
    for chunk in range(scratch.maxima.size):
        if scratch.maxima[chunk] < low:
            continue
        start = chunk * LANES
        lanes = lanes_at_least(sums, start, np.uint16(low))
        if high <= MAX_SUM:
            lanes &= ~lanes_at_least(sums, start, np.uint16(high))
        while lanes != np.uint64(0):
            chosen[n_chosen] = start + lowest_bit(lanes)
            prefetch(layout.indptr, chosen[n_chosen] * block_size)
            n_chosen += 1
            lanes &= lanes - np.uint64(1)
    while n_chosen > 0 and chosen[n_chosen - 1] * block_size >= n:
        n_chosen -= 1  # padding, which is chosen where nothing is bounded
    count = 0
    for i in range(n_chosen):
        first = chosen[i] * block_size
        for row in range(first, min(first + block_size, n)):
            if allowed.rows.size and not allowed.rows[row]:
                continue
            scratch.candidates[count] = row
            if block_size == 1:
                scratch.bounds[count] = (int(sums[row]) << shift) + rest
            count += 1
    if block_size > 1:
        return bound_documents(layout, scratch, count, least)
    return keep_highest(scratch.candidates, scratch.bounds, count, least)


@kernel
def bound_documents(layout: Layout, scratch: Scratch, count: int, least: float) -> int:
    """Bound the candidates by their own codes; keep those that are positive and at least `least`.

    Returns how many they are.
    """
    candidates, bounds = scratch.candidates, scratch.bounds
    for i in range(count):
        if i + 2 * FURTHER_AHEAD < count:
            prefetch(layout.indptr, candidates[i + 2 * FURTHER_AHEAD])
        if i + FURTHER_AHEAD < count:
            _prefetch_codes(layout, candidates[i + FURTHER_AHEAD])
        bounds[i] = _code_bound(layout, candidates[i], scratch.integers)
    return keep_highest(candidates, bounds, count, least)


@kernel
def keep_highest(candidates: Array, bounds: Array, count: int, least: float) -> int:
    """Drop candidates whose bound is 0 or below `least`; return how many are left."""
    kept = 0
    for i in range(count):
        if bounds[i] > 0 and bounds[i] >= least:
            candidates[kept] = candidates[i]
            bounds[kept] = bounds[i]
            kept += 1
    return kept


@kernel
def score_best(
    layout: Layout,
    scratch: Scratch,
    count: int,
    point: float,
    first_row: int,
    found: int,
    rows: Array,
    scores: Array,
) -> int:
    """Score candidates, about the highest bound first, but those that cannot be results.

    Results are rows counted from `first_row`. Returns how many there are; once they are k, they are
    a heap, worst first.
    """
    candidates, bounds, order = scratch.candidates, scratch.bounds, scratch.order
    order_by_bound(bounds, count, order)
    least = admitted_bound(scores[0]) if found == rows.size else 0.0
    for i in range(min(AHEAD, count)):
        _prefetch_document(layout, candidates[order[i]])
    for i in range(count):
        if i + 2 * AHEAD < count:
            prefetch(layout.indptr, candidates[order[i + 2 * AHEAD]])
        if i + AHEAD < count and bounds[order[i + AHEAD]] * point >= least:
            _prefetch_document(layout, candidates[order[i + AHEAD]])
        row = candidates[order[i]]
        if bounds[order[i]] * point < least:
            continue
        score = _score(layout, row, scratch.weights)
        found = offer(rows, scores, found, first_row + row, score)
        if found == rows.size:
            least = admitted_bound(scores[0])
    return found


@kernel
def _prefetch_codes(layout: Layout, row: int) -> None:
    """Ask for the cache lines of a document's terms and codes."""
    for p in range(layout.indptr[row], layout.indptr[row + 1], 32):
        prefetch(layout.terms, p)
    for p in range(layout.indptr[row], layout.indptr[row + 1], 64):
        prefetch(layout.codes, p)


@kernel
def _prefetch_document(layout: Layout, row: int) -> None:
    """Ask for the cache lines of a document's terms and weights."""
    for p in range(layout.indptr[row], layout.indptr[row + 1], 32):
        prefetch(layout.terms, p)
    for p in range(layout.indptr[row], layout.indptr[row + 1], 16):
        prefetch(layout.weights, p)


@kernel
def _code_bound(layout: Layout, row: int, integers: Array) -> int:
    """Return an upper bound of the document's score, in units of `point` (before the shift).

    Indices are unsigned here and below: signed ones cost a check for wrap-around each, which
    doubles the time.
    """
    terms, codes = layout.terms, layout.codes
    total = np.uint64(0)
    for p in range(np.uint64(layout.indptr[row]), np.uint64(layout.indptr[row + 1])):
        total += np.uint64(integers[terms[p]]) * np.uint64(codes[p])
    return int(total)


@kernel
def _score(layout: Layout, row: int, weights: Array) -> float:
    """Return the document's score, float32.

    Terms that the query lacks add zeros: that is faster than to branch. Four sums at a time, as
    each addition waits for the one before.
    """
    terms, of_document = layout.terms, layout.weights
    first, last = np.uint64(layout.indptr[row]), np.uint64(layout.indptr[row + 1])
    middle = last - (last - first) % np.uint64(4)
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    total0, total1, total2, total3 = 0.0, 0.0, 0.0, 0.0
    for p in range(first, middle, np.uint64(4)):
        total0 += weights[terms[p]] * np.float64(of_document[p])
        total1 += weights[terms[p + one]] * np.float64(of_document[p + one])
        total2 += weights[terms[p + two]] * np.float64(of_document[p + two])
        total3 += weights[terms[p + three]] * np.float64(of_document[p + three])
    for p in range(middle, last):
        total0 += weights[terms[p]] * np.float64(of_document[p])
    return np.float32((total0 + total1) + (total2 + total3))  # type: ignore[return-value]
