"""Sums over blocks: one number a block that bounds the scores of its documents, in units."""

from __future__ import annotations

import numpy as np

from rarefy.index.compilation import kernel
from rarefy.index.impacts import MAX_CODE, MAX_SUM, NIBBLE_STEP, UNBOUNDED
from rarefy.index.intrinsics import (
    LANES,
    bit_count,
    lanes_at_least,
    lanes_max,
    lower_half,
    plus,
    prefetch,
    scaled,
    upper_half,
)
from rarefy.index.layout import WINDOW, Array, Layout

__all__ = ["accumulate", "clear_blocks", "sum_reached_by"]

CALLEES = "eb9164ea127e"
"""The start of the SHA-256 of the files of kernels that are called here; see their test."""
AHEAD = 384
"""Entries of a list between their prefetch and their use: lists are too short for the processor to
foresee them, and a search finds few of them in its caches."""
LISTS_AHEAD = 3
"""Lists between the prefetch of a list's start and its use."""
SHORT = 128
"""Entries of a list below which a table of contributions is not worth its making."""


@kernel
def accumulate(
    layout: Layout, terms: Array, integers: Array, m: int, shift: int, sums: Array, maxima: Array
) -> None:
    """Write into sums, uint16[nb], every block's bound in units, and the largest of each 64.

    If shift is `UNBOUNDED`, sums would not fit: all are `MAX_SUM`, which bounds nothing.
    """
    if shift == UNBOUNDED:
        sums[:] = MAX_SUM
        maxima[:] = MAX_SUM
        return
    n_terms = layout.columns.size
    places = np.uint16(shift)
    rounding = np.uint16((1 << shift) - 1)
    dense = np.empty(m, np.int64)
    steps = np.empty(m, np.uint16)
    contributions = np.empty(MAX_CODE + 1, np.uint16)
    starts = np.empty(m, np.int64)
    ends = np.empty(m, np.int64)
    n_dense = 0
    for j in range(m):
        row = layout.dense_rows[terms[j]]
        if row >= 0:
            dense[n_dense] = row
            steps[n_dense] = NIBBLE_STEP * integers[j]
            n_dense += 1
    for window in range((sums.size + WINDOW - 1) // WINDOW):
        first = window * WINDOW
        last = min(first + WINDOW, sums.size)
        part = sums[first:last]
        part[:] = 0
        half = part.size // 2
        of_window = slice(first // 2, first // 2 + half)
        for j in range(m):
            prefetch(layout.list_ptr, window * n_terms + terms[j])
        for j in range(m):
            place = window * n_terms + terms[j]
            starts[j], ends[j] = layout.list_ptr[place], layout.list_ptr[place + 1]
            if starts[j] < ends[j]:
                prefetch(layout.list_blocks, starts[j])
                prefetch(layout.list_maxima, starts[j])
        j = 0
        while j + 4 <= n_dense:
            _add_four_rows(
                part[:half],
                part[half:],
                layout.dense_maxima[dense[j], of_window],
                layout.dense_maxima[dense[j + 1], of_window],
                layout.dense_maxima[dense[j + 2], of_window],
                layout.dense_maxima[dense[j + 3], of_window],
                steps[j : j + 4],
                places,
                rounding,
            )
            j += 4
        while j < n_dense:
            _add_row(
                part[:half],
                part[half:],
                layout.dense_maxima[dense[j], of_window],
                steps[j],
                places,
                rounding,
            )
            j += 1
        for j in range(m):
            first_entry, last_entry = starts[j], ends[j]
            if j + LISTS_AHEAD < m:
                following = starts[j + LISTS_AHEAD]
                _prefetch_entries(layout, following, min(following + AHEAD, ends[j + LISTS_AHEAD]))
            if last_entry - first_entry < SHORT:
                for e in range(np.uint64(first_entry), np.uint64(last_entry)):
                    block = layout.list_blocks[e]
                    added = scaled(layout.list_maxima[e], integers[j], places, rounding)
                    part[block] = plus(part[block], added)
                continue
            for code in range(MAX_CODE + 1):
                contributions[code] = scaled(np.uint8(code), integers[j], places, rounding)
            for start in range(first_entry, last_entry, LANES):
                _prefetch_entries(layout, start + AHEAD, start + AHEAD + LANES)
                end = min(start + LANES, last_entry)
                for e in range(np.uint64(start), np.uint64(end)):
                    block = layout.list_blocks[e]
                    part[block] = plus(part[block], contributions[layout.list_maxima[e]])
        for chunk in range(first // LANES, last // LANES):
            maxima[chunk] = lanes_max(sums, chunk * LANES)


@kernel
def _prefetch_entries(layout: Layout, first: int, last: int) -> None:
    """Ask for the cache lines of entries, which may lie beyond the last."""
    for e in range(first, last, 32):
        prefetch(layout.list_blocks, e)
    for e in range(first, last, 64):
        prefetch(layout.list_maxima, e)


@kernel
def _add_row(
    low: Array, high: Array, row: Array, step: np.uint16, places: np.uint16, rounding: np.uint16
) -> None:
    """Add a dense row to the two halves of a window."""
    for i in range(row.size):
        low[i] = plus(low[i], scaled(lower_half(row[i]), step, places, rounding))
        high[i] = plus(high[i], scaled(upper_half(row[i]), step, places, rounding))


@kernel
def _add_four_rows(
    low: Array,
    high: Array,
    row0: Array,
    row1: Array,
    row2: Array,
    row3: Array,
    steps: Array,
    places: np.uint16,
    rounding: np.uint16,
) -> None:
    """Add four dense rows at once: the accumulators are read and written once for the four."""
    step0, step1, step2, step3 = steps[0], steps[1], steps[2], steps[3]
    for i in range(row0.size):
        bound = plus(low[i], scaled(lower_half(row0[i]), step0, places, rounding))
        bound = plus(bound, scaled(lower_half(row1[i]), step1, places, rounding))
        bound = plus(bound, scaled(lower_half(row2[i]), step2, places, rounding))
        low[i] = plus(bound, scaled(lower_half(row3[i]), step3, places, rounding))
        bound = plus(high[i], scaled(upper_half(row0[i]), step0, places, rounding))
        bound = plus(bound, scaled(upper_half(row1[i]), step1, places, rounding))
        bound = plus(bound, scaled(upper_half(row2[i]), step2, places, rounding))
        high[i] = plus(bound, scaled(upper_half(row3[i]), step3, places, rounding))


@kernel
def clear_blocks(sums: Array, maxima: Array, allowed_blocks: Array) -> None:
    """Set the sums of blocks without an allowed document to zero."""
    for block in range(allowed_blocks.size):
        sums[block] = sums[block] if allowed_blocks[block] else np.uint16(0)
    for chunk in range(maxima.size):
        maxima[chunk] = lanes_max(sums, chunk * LANES)


@kernel
def sum_reached_by(sums: Array, maxima: Array, wanted: int, low: int, high: int) -> int:
    """Return a sum in [low, high) that at least `wanted` blocks reach, and few more, or else low.

    Few blocks among many lie in different chunks, so that it is enough to look at the maxima.
    """
    values = maxima if 16 * wanted < maxima.size else sums
    if low > 1 and (low >= high or _count_reached(values, np.uint16(low)) <= wanted):
        return low  # mostly so where other leaves have set a threshold
    high -= 1
    while low < high:
        middle = (low + high + 1) >> 1
        count = _count_reached(values, np.uint16(middle))
        if count < wanted:
            high = middle - 1
        else:
            low = middle
            if count <= wanted + (wanted >> 2):
                break
    return low


@kernel
def _count_reached(sums: Array, threshold: np.uint16) -> int:
    """Return how many sums are at least the threshold."""
    count = 0
    whole = sums.size - sums.size % LANES
    for start in range(0, whole, LANES):
        count += bit_count(lanes_at_least(sums, start, threshold))
    for i in range(whole, sums.size):
        count += sums[i] >= threshold
    return count
