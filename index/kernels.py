"""Exact search: bounds for all blocks, then the documents that can be among the best.

1. `_quantise_query`: the query in the index's integers (see `impacts`).
2. `_accumulate`: for every block, the sum of its terms' contributions: an upper bound of the score
   of each of its documents, in units.
3. `_seed_threshold`: a bound that about SEED_CHUNKS chunks of 64 blocks reach, and
   `_score_blocks` over the blocks that reach it: this fills the heap with k good documents.
4. `_score_blocks` again over every other block whose bound reaches the k-th score so far: no other
   document can enter.
5. A document is first bounded by its own codes, and scored from its float32 weights only if that
   bound reaches the k-th score.

This is rank-safe: a block or document is left out only if an upper bound of its score is below the
k-th score found so far, which the final k-th score is not below.

Scores are sums of float32 * float32 in float64, in the order of the columns, rounded to float32
once. The heap holds its worst entry first: lowest score, of equal scores the highest row.

All kernels that call each other are in this file and in `intrinsics`: Numba's cache on disk knows
an edited caller, but not an edited callee.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from rarefy.index.impacts import MAX_CODE, MAX_SHIFT, MAX_SUM, SLACK
from rarefy.index.intrinsics import (
    LANES,
    bit_count,
    lanes_at_least,
    lowest_bit,
    prefetch,
    scaled,
    sum_or_max,
)
from rarefy.index.layout import WINDOW, Array, Layout
from rarefy.index.scratch import Scratch

__all__ = ["search_one"]

FLOAT32_MAX = float(np.finfo(np.float32).max)
GROWTH = 4
"""How many times more blocks each further round scores."""
SEED_BLOCKS = 48
"""Blocks that the first round scores, at least."""
AHEAD = 3
"""Blocks between the prefetch of a block's postings and their use."""


@njit(nogil=True, cache=True)
def search_one(
    layout: Layout,
    block_size: int,
    columns: Array,
    query: Array,
    k: int,
    scratch: Scratch,
    rows: Array,
    scores: Array,
) -> int:
    """Write the best k documents of one query.

    Parameters
    ----------
    layout : Layout
    block_size : int
    columns, query : uint32[m], float32[m]
        The query's columns, increasing, and its weights.
    k : int
        At least 1.
    scratch : Scratch
        Zero where it says so; zero again afterwards.
    rows, scores : int64[k], float32[k]
        Results, ordered; the places left over are not written.

    Returns
    -------
    int
        How many results there are.
    """
    terms, weights, m = _match_terms(layout, columns, query)
    if m == 0:
        return 0
    integers, shift, unit = _quantise_query(terms, weights, m, layout.scales)
    n = layout.indptr.size - 1
    n_blocks = (n + block_size - 1) // block_size
    sums = scratch.sums
    _accumulate(layout, terms, integers, m, shift, n_blocks, sums)
    for j in range(m):
        scratch.integers[terms[j]] = integers[j]
        scratch.weights[terms[j]] = weights[j]
    point = unit / 2.0**shift
    found = 0
    high = MAX_SUM + 1
    wanted = max(SEED_BLOCKS, k)
    while high > 1:
        low = _sum_reached_by(sums, wanted, high)
        if found == k:
            low = max(low, _sum_threshold(scores[0], unit))
        if low < high:
            found = _score_blocks(
                layout, block_size, scratch, low, high, point, k, found, rows, scores
            )
        if found == k and _sum_threshold(scores[0], unit) >= low:
            break
        high = low
        wanted *= GROWTH
    for j in range(m):
        scratch.integers[terms[j]] = 0
    _sort_heap(rows, scores, found)
    return found


@njit(nogil=True, cache=True)
def _match_terms(layout: Layout, columns: Array, query: Array) -> tuple[Array, Array, int]:
    """Return the query's terms that occur, their weights, and their number."""
    terms = np.empty(columns.size, np.int64)
    weights = np.empty(columns.size, np.float64)
    m = 0
    for j in range(columns.size):
        term = np.searchsorted(layout.columns, columns[j])
        if term < layout.columns.size and layout.columns[term] == columns[j]:
            terms[m] = term
            weights[m] = query[j]
            m += 1
    return terms, weights, m


@njit(nogil=True, cache=True)
def _quantise_query(
    terms: Array, weights: Array, m: int, scales: Array
) -> tuple[Array, int, float]:
    """Return W_t (uint16[m]), the shift and the unit of `impacts`."""
    largest = 0.0
    for j in range(m):
        largest = max(largest, weights[j] * scales[terms[j]])
    integers = np.empty(m, np.uint16)
    for j in range(m):
        product = weights[j] * scales[terms[j]]
        integers[j] = min(MAX_CODE, max(1, int(np.ceil(product / largest * MAX_CODE))))
    shift = 0
    while shift < MAX_SHIFT:
        total = np.int64(0)
        for j in range(m):
            total += (np.int64(integers[j]) * MAX_CODE + (1 << shift) - 1) >> shift
        if total <= MAX_SUM:
            break
        shift += 1
    return integers, shift, largest / MAX_CODE * 2.0**shift


@njit(nogil=True, cache=True)
def _accumulate(
    layout: Layout, terms: Array, integers: Array, m: int, shift: int, n_blocks: int, sums: Array
) -> None:
    """Write into sums, uint16[nb], every block's bound in units."""
    n_terms = layout.columns.size
    places = np.uint16(shift)
    rounding = np.uint16((1 << shift) - 1)
    dense = np.empty(m, np.int64)
    dense_integers = np.empty(m, np.uint16)
    n_dense = 0
    for j in range(m):
        row = layout.dense_rows[terms[j]]
        if row >= 0:
            dense[n_dense] = row
            dense_integers[n_dense] = integers[j]
            n_dense += 1
    for window in range((n_blocks + WINDOW - 1) // WINDOW):
        first = window * WINDOW
        last = min(first + WINDOW, sums.size)
        part = sums[first:last]
        part[:] = 0
        j = 0
        while j + 4 <= n_dense:
            _add_four_rows(
                part,
                layout.dense_maxima[dense[j], first:last],
                layout.dense_maxima[dense[j + 1], first:last],
                layout.dense_maxima[dense[j + 2], first:last],
                layout.dense_maxima[dense[j + 3], first:last],
                dense_integers[j : j + 4],
                places,
                rounding,
            )
            j += 4
        while j < n_dense:
            row = layout.dense_maxima[dense[j], first:last]
            weight = dense_integers[j]
            for i in range(part.size):
                part[i] = sum_or_max(part[i], scaled(row[i], weight, places, rounding))
            j += 1
        for j in range(m):
            place = window * n_terms + terms[j]
            weight = integers[j]
            first_entry, last_entry = layout.list_ptr[place], layout.list_ptr[place + 1]
            for e in range(np.uint64(first_entry), np.uint64(last_entry)):
                block = layout.list_blocks[e]
                bound = scaled(layout.list_maxima[e], weight, places, rounding)
                part[block] = sum_or_max(part[block], bound)


@njit(nogil=True, cache=True)
def _add_four_rows(
    part: Array,
    row0: Array,
    row1: Array,
    row2: Array,
    row3: Array,
    weights: Array,
    places: np.uint16,
    rounding: np.uint16,
) -> None:
    """Add four dense rows at once: the accumulators are read and written once for the four."""
    weight0, weight1, weight2, weight3 = weights[0], weights[1], weights[2], weights[3]
    for i in range(part.size):
        bound = sum_or_max(part[i], scaled(row0[i], weight0, places, rounding))
        bound = sum_or_max(bound, scaled(row1[i], weight1, places, rounding))
        bound = sum_or_max(bound, scaled(row2[i], weight2, places, rounding))
        part[i] = sum_or_max(bound, scaled(row3[i], weight3, places, rounding))


@njit(nogil=True, cache=True)
def _sum_reached_by(sums: Array, wanted: int, high: int) -> int:
    """Return a sum in [1, high) that at least `wanted` blocks reach, and few more, or else 1."""
    low = 1
    high -= 1
    while low < high:
        middle = (low + high + 1) >> 1
        count = 0
        threshold = np.uint16(middle)
        for start in range(0, sums.size, LANES):
            count += bit_count(lanes_at_least(sums, start, threshold))
        if count < wanted:
            high = middle - 1
        else:
            low = middle
            if count <= wanted + (wanted >> 2):
                break
    return low


@njit(nogil=True, cache=True)
def _sum_threshold(score: float, unit: float) -> int:
    """Return the sum, at least 1, below which no document reaches the score."""
    return int(max(1.0, min(float(MAX_SUM), np.floor(_admitted(score) / unit))))


@njit(nogil=True, cache=True)
def _admitted(score: float) -> float:
    """Return the bound from which a document may reach the score, float64.

    Scores beyond float32 are infinite and tie; their bounds are finite.
    """
    return min(np.float64(score), FLOAT32_MAX) * (1.0 - SLACK)


@njit(nogil=True, cache=True)
def _score_blocks(
    layout: Layout,
    block_size: int,
    scratch: Scratch,
    low: int,
    high: int,
    point: float,
    k: int,
    found: int,
    rows: Array,
    scores: Array,
) -> int:
    """Score the documents of the blocks whose sum is in [low, high).

    Returns how many entries the heap holds.
    """
    n = layout.indptr.size - 1
    sums, chosen = scratch.sums, scratch.blocks
    n_chosen = 0
    for start in range(0, sums.size, LANES):
        lanes = lanes_at_least(sums, start, np.uint16(low))
        if high <= MAX_SUM:
            lanes &= ~lanes_at_least(sums, start, np.uint16(high))
        while lanes != np.uint64(0):
            chosen[n_chosen] = start + lowest_bit(lanes)
            n_chosen += 1
            lanes &= lanes - np.uint64(1)
    for i in range(n_chosen):
        if i + AHEAD < n_chosen:
            _prefetch_block(layout, chosen[i + AHEAD] * block_size, block_size)
        first = chosen[i] * block_size
        for row in range(first, min(first + block_size, n)):
            bound = _code_bound(layout, row, scratch.integers)
            if bound == 0 or (found == k and bound * point < _admitted(scores[0])):
                continue
            score = _score(layout, row, scratch)
            if found < k:
                _push(rows, scores, found, row, score)
                found += 1
            elif score > scores[0] or (score == scores[0] and row < rows[0]):
                _replace_worst(rows, scores, k, row, score)
    return found


@njit(nogil=True, cache=True)
def _prefetch_block(layout: Layout, first: int, block_size: int) -> None:
    """Ask for the cache lines of a block's terms and codes."""
    last = min(first + block_size, layout.indptr.size - 1)
    for p in range(layout.indptr[first], layout.indptr[last], 32):
        prefetch(layout.terms, p)
    for p in range(layout.indptr[first], layout.indptr[last], 64):
        prefetch(layout.codes, p)


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def _score(layout: Layout, row: int, scratch: Scratch) -> float:
    """Return the document's score, float32."""
    terms, integers = layout.terms, scratch.integers
    total = 0.0
    for p in range(np.uint64(layout.indptr[row]), np.uint64(layout.indptr[row + 1])):
        term = terms[p]
        if integers[term] != 0:
            total += scratch.weights[term] * np.float64(layout.weights[p])
    return np.float32(total)  # type: ignore[return-value]


@njit(nogil=True, cache=True)
def _worse(score: float, row: int, other_score: float, other_row: int) -> bool:
    """Return whether (score, row) ranks behind (other_score, other_row)."""
    return score < other_score or (score == other_score and row > other_row)


@njit(nogil=True, cache=True)
def _push(rows: Array, scores: Array, size: int, row: int, score: float) -> None:
    """Add an entry to a heap of `size` entries."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if not _worse(score, row, scores[parent], rows[parent]):
            break
        rows[at], scores[at] = rows[parent], scores[parent]
        at = parent
    rows[at], scores[at] = row, score


@njit(nogil=True, cache=True)
def _replace_worst(rows: Array, scores: Array, size: int, row: int, score: float) -> None:
    """Put an entry in the place of the worst of a heap of `size` entries."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        right = child + 1
        if right < size and _worse(scores[right], rows[right], scores[child], rows[child]):
            child = right
        if not _worse(scores[child], rows[child], score, row):
            break
        rows[at], scores[at] = rows[child], scores[child]
        at = child
    rows[at], scores[at] = row, score


@njit(nogil=True, cache=True)
def _sort_heap(rows: Array, scores: Array, size: int) -> None:
    """Order a heap best first."""
    for last in range(size - 1, 0, -1):
        row, score = rows[last], scores[last]
        rows[last], scores[last] = rows[0], scores[0]
        _replace_worst(rows, scores, last, row, score)
