"""Search: bounds for all blocks, then the documents that can be among the best.

1. `quantise_query`: the query in the index's integers (see `impacts`), heaviest term first.
2. `accumulate`: for every block, the sum of its terms' contributions: an upper bound of the score
   of each of its documents, in units.
3. `_collect`: the documents of the blocks with the highest bounds, each bounded by its own codes.
4. `_score_best`: these documents, about in the order of their bounds, scored from their float32
   weights, but those whose bound is below the k-th score so far.
5. 3 and 4 again over further blocks, until no other block's bound reaches the k-th score.

This is rank-safe: a block or document is left out only if an upper bound of its score is below the
k-th score found so far, which the final k-th score is not below. Approximate search stops after
the first round, and adds up only the heaviest terms in step 2.

Scores are sums of float32 * float32 in float64, in the order of the columns, rounded to float32
once. The heap of results holds its worst entry first: lowest score, of equal scores the highest
row.

Numba's cache on disk notices an edited caller, but not an edited callee in another file. So
`CALLEES` changes with the files that this one calls, and a test holds it to that.
"""

from __future__ import annotations

import numpy as np

from rarefy.index.compilation import kernel
from rarefy.index.heaps import order_by_bound, settle, sort_results, worse, worst_first
from rarefy.index.impacts import MAX_SUM, admitted_bound, quantise_query, sum_threshold
from rarefy.index.intrinsics import (
    LANES,
    lanes_at_least,
    lowest_bit,
    prefetch,
)
from rarefy.index.layout import Array, Layout
from rarefy.index.scratch import Scratch
from rarefy.index.sums import accumulate, chunk_maxima, clear_blocks, count_reached, sum_reached_by

__all__ = ["ENTRY_CELLS", "NO_FILTER", "block_ranks", "search_many"]

CALLEES = "e99d37c4c7f1"
"""The start of the SHA-256 of heaps.py, impacts.py, intrinsics.py and sums.py."""
AHEAD = 4
"""Blocks between the prefetch of a block's postings and their use."""
GROWTH = 2
"""How many times more blocks each further round of an exact search looks at."""
ENTRY_CELLS = 30.0
"""Cells of a dense row that are added in the time of one entry of a list."""
SEED_BLOCKS = 12
"""Blocks that the first round of an exact search looks at, at least."""
NO_FILTER = np.ones(0, np.bool_)


@kernel
def search_many(
    layout: Layout,
    block_size: int,
    indptr: Array,
    columns: Array,
    weights: Array,
    allowed: Array,
    mass: float,
    n_blocks: int,
    scratch: Scratch,
    rows: Array,
    scores: Array,
) -> None:
    """Write the best documents of m queries.

    Parameters
    ----------
    layout : Layout
    block_size : int
    indptr, columns, weights : int64[m + 1], uint32[nnz], float32[nnz]
        The queries, canonical.
    allowed : bool[n] or bool[0]
        Documents that may be results; all if it is empty.
    mass : float
        The heaviest terms that hold this share of the query's largest contributions are added up.
    n_blocks : int
        Blocks to look at; 0 for an exact search, whatever `mass` is.
    scratch : Scratch
        `integers` must be zero, and is zero again afterwards.
    rows, scores : int64[m, k], float32[m, k]
        Results, ordered; -1 and -inf in the places left over.
    """
    n = layout.indptr.size - 1
    places = min(rows.shape[1], n)
    rows[:] = -1
    scores[:] = -np.inf
    for i in range(indptr.size - 1):
        columns_i = columns[indptr[i] : indptr[i + 1]]
        weights_i = weights[indptr[i] : indptr[i + 1]]
        rows_i, scores_i = rows[i, :places], scores[i, :places]
        found = 0
        if n_blocks > 0:
            found = _search_one(
                layout, block_size, columns_i, weights_i, allowed, mass, n_blocks, scratch,
                rows_i, scores_i,
            )  # fmt: skip
        if found < places:
            found = _search_one(
                layout, block_size, columns_i, weights_i, allowed, 1.0, 0, scratch,
                rows_i, scores_i,
            )  # fmt: skip


@kernel
def block_ranks(
    layout: Layout,
    block_size: int,
    columns: Array,
    query: Array,
    mass: float,
    scratch: Scratch,
    rows: Array,
    ranks: Array,
) -> float:
    """Say how many blocks an approximate search must look at to find given documents.

    Parameters
    ----------
    layout, block_size, mass, scratch
        As in `search_many`.
    columns, query : uint32[m], float32[m]
        One query.
    rows : int64[k]
        Documents.
    ranks : int64[k]
        Written: how many blocks have at least the sum of the document's block.

    Returns
    -------
    float
        Cost of the sums: cells of dense rows, plus `ENTRY_CELLS` for each entry of a list.
    """
    terms, weights, m = _match_terms(layout, columns, query)
    if m == 0:
        return 0.0
    integers, shift, _ = quantise_query(terms, weights, m, layout.scales)
    added = _heaviest(terms, weights, integers, m, layout.scales, mass)
    accumulate(layout, terms, integers, added, shift, scratch.sums)
    for i in range(rows.size):
        threshold = max(np.uint16(1), scratch.sums[rows[i] // block_size])
        ranks[i] = count_reached(scratch.sums, threshold)
    n_terms = layout.columns.size
    n_windows = (layout.list_ptr.size - 1) // n_terms
    cost = 0.0
    for j in range(added):
        if layout.dense_rows[terms[j]] >= 0:
            cost += scratch.sums.size
        for window in range(n_windows):
            place = window * n_terms + terms[j]
            cost += ENTRY_CELLS * (layout.list_ptr[place + 1] - layout.list_ptr[place])
    return cost


@kernel
def _search_one(
    layout: Layout,
    block_size: int,
    columns: Array,
    query: Array,
    allowed: Array,
    mass: float,
    n_blocks: int,
    scratch: Scratch,
    rows: Array,
    scores: Array,
) -> int:
    """Write the best documents of one query; return how many there are."""
    terms, weights, m = _match_terms(layout, columns, query)
    if m == 0:
        return 0
    k = rows.size
    integers, shift, unit = quantise_query(terms, weights, m, layout.scales)
    sums = scratch.sums
    added = m
    if n_blocks > 0:
        added = _heaviest(terms, weights, integers, m, layout.scales, mass)
    accumulate(layout, terms, integers, added, shift, sums)
    if allowed.size:
        clear_blocks(sums, allowed, block_size)
    chunk_maxima(sums, scratch.maxima)
    for j in range(m):
        scratch.integers[terms[j]] = integers[j]
        scratch.weights[terms[j]] = weights[j]
    point = unit / 2.0**shift
    own_sums = block_size == 1 and added == m
    found = 0
    high = MAX_SUM + 1
    wanted = n_blocks if n_blocks > 0 else max(SEED_BLOCKS, k)
    while high > 1:
        low = sum_reached_by(sums, scratch.maxima, wanted, high)
        if found == k:
            low = max(low, sum_threshold(scores[0], unit))
        if low < high:
            least = admitted_bound(scores[0]) / point if found == k else 0.0
            count = _collect(
                layout, block_size, scratch, allowed, low, high, least, own_sums, shift
            )
            found = _score_best(layout, scratch, count, point, found, rows, scores)
        if n_blocks > 0 or (found == k and sum_threshold(scores[0], unit) >= low):
            break
        high = low
        wanted *= GROWTH
    for j in range(m):
        scratch.integers[terms[j]] = 0
        scratch.weights[terms[j]] = 0.0
    sort_results(rows, scores, found)
    return found


@kernel
def _match_terms(layout: Layout, columns: Array, query: Array) -> tuple[Array, Array, int]:
    """Return the query's terms that occur, their weights, and their number."""
    terms = np.empty(columns.size, np.int64)
    weights = np.empty(columns.size, np.float64)
    m = 0
    for j in range(columns.size):
        low, high = 0, layout.by_column.size
        while low < high:
            middle = (low + high) >> 1
            if layout.columns[layout.by_column[middle]] < columns[j]:
                low = middle + 1
            else:
                high = middle
        if low < layout.by_column.size:
            term = layout.by_column[low]
            if layout.columns[term] == columns[j]:
                terms[m] = term
                weights[m] = query[j]
                m += 1
    return terms, weights, m


@kernel
def _heaviest(
    terms: Array, weights: Array, integers: Array, m: int, scales: Array, mass: float
) -> int:
    """Order the terms by their largest contribution; return how many hold the share `mass`."""
    products = np.empty(m, np.float64)
    total = 0.0
    for j in range(m):
        products[j] = weights[j] * scales[terms[j]]
        total += products[j]
    order = np.argsort(-products, kind="mergesort")
    terms[:m] = terms[:m][order]
    weights[:m] = weights[:m][order]
    integers[:m] = integers[:m][order]
    held = 0.0
    added = 0
    while added < m and held < mass * total:
        held += products[order[added]]
        added += 1
    return added


@kernel
def _collect(
    layout: Layout,
    block_size: int,
    scratch: Scratch,
    allowed: Array,
    low: int,
    high: int,
    least: float,
    own_sums: bool,
    shift: int,
) -> int:
    """Bound the documents of the blocks whose sum is in [low, high).

    Where blocks are single documents and all terms were added (`own_sums`), the sum is the
    document's own bound already, unless it is `MAX_SUM`.

    Writes those whose bound is positive and at least `least` into `scratch.candidates` and
    `scratch.bounds` and returns how many they are.
    """
    n = layout.indptr.size - 1
    sums, chosen = scratch.sums, scratch.blocks
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
    count = 0
    for i in range(n_chosen):
        if i + AHEAD < n_chosen and not own_sums:
            _prefetch_block(layout, chosen[i + AHEAD] * block_size, block_size)
        first = chosen[i] * block_size
        for row in range(first, min(first + block_size, n)):
            if allowed.size and not allowed[row]:
                continue
            if own_sums and sums[row] < MAX_SUM:
                bound = int(sums[row]) << shift
            else:
                bound = _code_bound(layout, row, scratch.integers)
            if bound > 0 and bound >= least:
                scratch.candidates[count] = row
                scratch.bounds[count] = bound
                count += 1
    return count


@kernel
def _score_best(
    layout: Layout,
    scratch: Scratch,
    count: int,
    point: float,
    found: int,
    rows: Array,
    scores: Array,
) -> int:
    """Score candidates, about the highest bound first, but those that cannot be results.

    Returns how many results there are; once they are k, they are a heap, worst first.
    """
    candidates, bounds, order = scratch.candidates, scratch.bounds, scratch.order
    order_by_bound(bounds, count, order)
    least = admitted_bound(scores[0]) if found == rows.size else 0.0
    for i in range(count):
        if i + 2 * AHEAD < count:
            prefetch(layout.indptr, candidates[order[i + 2 * AHEAD]])
        if i + AHEAD < count and bounds[order[i + AHEAD]] * point >= least:
            _prefetch_document(layout, candidates[order[i + AHEAD]])
        row = candidates[order[i]]
        if bounds[order[i]] * point < least:
            continue
        score = _score(layout, row, scratch.weights)
        if found < rows.size:
            rows[found], scores[found] = row, score
            found += 1
            if found == rows.size:
                worst_first(rows, scores, found)
        elif worse(scores[0], rows[0], score, row):
            settle(rows, scores, found, 0, row, score)
        if found == rows.size:
            least = admitted_bound(scores[0])
    return found


@kernel
def _prefetch_block(layout: Layout, first: int, block_size: int) -> None:
    """Ask for the cache lines of a block's terms and codes."""
    last = min(first + block_size, layout.indptr.size - 1)
    for p in range(layout.indptr[first], layout.indptr[last], 32):
        prefetch(layout.terms, p)
    for p in range(layout.indptr[first], layout.indptr[last], 64):
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

    Terms that the query lacks add zeros: that is faster than to branch.
    """
    terms, of_document = layout.terms, layout.weights
    total = 0.0
    for p in range(np.uint64(layout.indptr[row]), np.uint64(layout.indptr[row + 1])):
        total += weights[terms[p]] * np.float64(of_document[p])
    return np.float32(total)  # type: ignore[return-value]
