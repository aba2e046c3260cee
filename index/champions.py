"""Champions: of each term the documents with the heaviest postings, a list of bounded length.

Sums over all blocks grow with the collection; sums over the champions of a query's heaviest terms
do not, and its best documents are nearly always among them (champion lists: Manning, Raghavan and
Schuetze, Introduction to Information Retrieval, section 7.1.3). So that accumulators stay in the
processor's second-level cache, lists are ordered by row and are added a window of rows at a time.
"""

from __future__ import annotations

import numpy as np

from rarefy.index.candidates import keep_highest
from rarefy.index.compilation import kernel
from rarefy.index.filters import Filter
from rarefy.index.impacts import MAX_CODE, MAX_SUM
from rarefy.index.intrinsics import plus, prefetch, scaled
from rarefy.index.layout import Array, Layout
from rarefy.index.scratch import Scratch

__all__ = ["collect_champions", "rank_champions", "select_champions"]

CALLEES = "5fa50f4a427d"
"""The start of the SHA-256 of the files of kernels that are called here; see their test."""
AHEAD = 512
"""Entries of each list that are asked for before the first is read."""
ROOM = 4
"""How many times more documents than wanted are kept before those with low sums are dropped."""
STEPS = 512
"""Steps, up to the highest sum, in which a threshold is found."""


@kernel
def select_champions(
    indptr: Array, terms: Array, codes: Array, n_terms: int, most: int
) -> tuple[Array, Array, Array]:
    """Return the layout's champion arrays: of each term at most so many postings.

    Those with the highest codes, of equal codes the lowest rows; ordered by row.
    """
    frequency = np.zeros(n_terms, np.int64)
    for p in range(terms.size):
        frequency[terms[p]] += 1
    place = np.full(n_terms, -1, np.int64)
    ptr = np.zeros(n_terms + 1, np.int64)
    n_frequent = 0
    for term in range(n_terms):
        ptr[term + 1] = ptr[term] + min(frequency[term], most)
        if frequency[term] > most:
            place[term] = n_frequent
            n_frequent += 1
    counts = np.zeros((n_frequent, MAX_CODE + 1), np.int32)
    for p in range(terms.size):
        if place[terms[p]] >= 0:
            counts[place[terms[p]], codes[p]] += 1
    least = np.zeros(n_terms, np.int64)
    of_least = np.full(n_terms, most, np.int64)
    for term in range(n_terms):
        if place[term] >= 0:
            code = MAX_CODE
            while counts[place[term], code] < of_least[term]:
                of_least[term] -= counts[place[term], code]
                code -= 1
            least[term] = code
    rows = np.empty(ptr[n_terms], np.uint32)
    of_rows = np.empty(ptr[n_terms], np.uint8)
    end = ptr[:-1].copy()
    for row in range(indptr.size - 1):
        for p in range(indptr[row], indptr[row + 1]):
            term = terms[p]
            if codes[p] < least[term]:
                continue
            if codes[p] == least[term]:
                if of_least[term] == 0:
                    continue
                of_least[term] -= 1
            rows[end[term]] = row
            of_rows[end[term]] = codes[p]
            end[term] += 1
    return ptr, rows, of_rows


@kernel
def collect_champions(
    layout: Layout,
    terms: Array,
    integers: Array,
    added: int,
    shift: int,
    wanted: int,
    allowed: Filter,
    scratch: Scratch,
) -> int:
    """Write the documents with the highest sums into `scratch.candidates`; return their number.

    At least `wanted`, or all that have a sum, and few more: those that share a step of the sums.
    """
    n = layout.indptr.size - 1
    candidates, values, window = scratch.candidates, scratch.bounds, scratch.window
    contributions = _contributions(integers, added, shift)
    starts = np.empty(added, np.int64)
    ends = np.empty(added, np.int64)
    for j in range(added):
        ends[j] = layout.champion_ptr[terms[j]]
        for e in range(ends[j], min(ends[j] + AHEAD, layout.champion_ptr[terms[j] + 1]), 16):
            prefetch(layout.champion_rows, e)
            prefetch(layout.champion_codes, e)
    threshold = 1
    room = ROOM * wanted
    count = 0
    for first in range(0, n, window.size):
        _add_window(layout, terms, contributions, first, window, starts, ends)
        least = np.uint16(threshold)
        for j in range(added):
            for e in range(np.uint64(starts[j]), np.uint64(ends[j])):
                row = layout.champion_rows[e]
                at = np.uint64(row - np.uint32(first))
                value = window[at]
                window[at] = 0
                if value >= least:
                    if allowed.rows.size and not allowed.rows[row]:
                        continue
                    candidates[count] = row
                    values[count] = value
                    count += 1
        if count > room:
            threshold = _sum_reached_by(values, count, wanted, threshold)
            count = keep_highest(candidates, values, count, threshold)
            room = max(room, 2 * count)
    threshold = _sum_reached_by(values, count, wanted, threshold)
    return keep_highest(candidates, values, count, threshold)


@kernel
def rank_champions(
    layout: Layout,
    terms: Array,
    integers: Array,
    added: int,
    shift: int,
    scratch: Scratch,
    rows: Array,
    sums: Array,
    reached: Array,
) -> int:
    """Write documents' sums, 0 if they are no champions, and how many documents reach each sum.

    Parameters
    ----------
    layout, terms, integers, added, shift, scratch
        As in `collect_champions`.
    rows, sums : int64[k], int64[k]
        Documents, and what is written of them.
    reached : int64[MAX_SUM + 2]
        Written: at each value the number of champions whose sum is at least it.

    Returns
    -------
    int
        Entries that were added.
    """
    n = layout.indptr.size - 1
    window = scratch.window
    contributions = _contributions(integers, added, shift)
    starts = np.empty(added, np.int64)
    ends = layout.champion_ptr[terms[:added]]
    reached[:] = 0
    entries = 0
    for first in range(0, n, window.size):
        _add_window(layout, terms, contributions, first, window, starts, ends)
        for i in range(rows.size):
            if first <= rows[i] < first + window.size:
                sums[i] = window[rows[i] - first]
        for j in range(added):
            entries += ends[j] - starts[j]
            for e in range(starts[j], ends[j]):
                at = np.int64(layout.champion_rows[e]) - first
                reached[window[at]] += window[at] > 0
                window[at] = 0
    for value in range(MAX_SUM, -1, -1):
        reached[value] += reached[value + 1]
    return entries


@kernel
def _contributions(integers: Array, added: int, shift: int) -> Array:
    """Return uint16[added, 256]: what each code of each term adds."""
    places = np.uint16(shift)
    rounding = np.uint16((1 << shift) - 1)
    table = np.empty((added, MAX_CODE + 1), np.uint16)
    for j in range(added):
        for code in range(MAX_CODE + 1):
            table[j, code] = scaled(np.uint8(code), integers[j], places, rounding)
    return table


@kernel
def _add_window(
    layout: Layout,
    terms: Array,
    contributions: Array,
    first: int,
    window: Array,
    starts: Array,
    ends: Array,
) -> None:
    """Add the entries whose rows are in the window; `ends` of the last window become `starts`."""
    rows, codes = layout.champion_rows, layout.champion_codes
    limit = np.uint32(min(first + window.size, layout.indptr.size - 1))
    for j in range(starts.size):
        starts[j] = ends[j]
        e, last = np.uint64(starts[j]), np.uint64(layout.champion_ptr[terms[j] + 1])
        while e < last and rows[e] < limit:
            at = np.uint64(rows[e] - np.uint32(first))
            window[at] = plus(window[at], contributions[j, codes[e]])
            e += np.uint64(1)
        ends[j] = e


@kernel
def _sum_reached_by(values: Array, count: int, wanted: int, least: int) -> int:
    """Return a sum, at least `least`, that at least `wanted` reach, or else all."""
    highest = least
    for i in range(count):
        highest = max(highest, values[i])
    width = (highest - least) // STEPS + 1
    counts = np.zeros(STEPS, np.int64)
    for i in range(count):
        counts[(values[i] - least) // width] += 1
    step = STEPS - 1
    reached = counts[step]
    while step > 0 and reached < wanted:
        step -= 1
        reached += counts[step]
    return least + step * width
