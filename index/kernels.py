"""Search: bounds for all blocks, then the documents that can be among the best.

1. `quantise_query`: the query in the index's integers (see `impacts`).
2. `accumulate`: for every block, the sum of its terms' contributions: an upper bound of the score
   of each of its documents, in units.
3. `collect`: the documents of the blocks with the highest bounds, each bounded by its own codes
   unless blocks are single documents.
4. `score_best`: these documents, about in the order of their bounds, scored from their float32
   weights, but those whose bound is below the k-th score so far. In a compact layout
   `score_by_term`: all of them, from the lists.
5. 3 and 4 again over further blocks, until no other block's bound reaches the k-th score.

The layouts of an index, its leaves, are searched one after the other for the same results: what the
k-th score is so far holds in the next one, too.

This is rank-safe: a block or document is left out only if an upper bound of its score is below the
k-th score found so far, which the final k-th score is not below. Approximate search stops after
the first round, and adds up only the heaviest terms in step 2. In large collections it may take
steps 2 and 3 over these terms' champions alone (`collect_champions`, `bound_documents`).

Scores are sums of float32 * float32 in float64, in a fixed order, rounded to float32 once. The heap
of results holds its worst entry first: lowest score, of equal scores the highest row.

Numba's cache on disk notices an edited caller, but not an edited callee in another file. So
`CALLEES` changes with the files that this one calls, and a test holds it to that.
"""

from __future__ import annotations

import numpy as np

from rarefy.index.candidates import bound_documents, collect, score_best
from rarefy.index.champions import collect_champions, rank_champions
from rarefy.index.compilation import kernel
from rarefy.index.filters import Filter
from rarefy.index.heaps import sort_results, worst_first
from rarefy.index.impacts import (
    MAX_CODE,
    MAX_SUM,
    UNBOUNDED,
    admitted_bound,
    quantise_query,
    sum_threshold,
)
from rarefy.index.intrinsics import LANES
from rarefy.index.layout import PADDING, Array
from rarefy.index.leaves import Leaf, Leaves, match_terms
from rarefy.index.lookup import score_by_term
from rarefy.index.scratch import Scratch
from rarefy.index.sums import accumulate, clear_blocks, sum_reached_by

__all__ = ["NEVER", "block_ranks", "search_many"]

CALLEES = "0414e200ac78"
"""The start of the SHA-256 of the files of kernels that are called here; see their test."""
GROWTH = 2
"""How many times more blocks each further round of an exact search looks at."""
BLOCK_NS, CELL_NS, ENTRY_NS, CHAMPION_NS = 0.09, 0.03, 0.6, 1.8
"""What a block's sum takes apart from what is added: to clear it and to compare it; and to add a
cell of a dense row, an entry of a list, a champion. Their ratios matter."""
NEVER = np.iinfo(np.int64).max
"""A rank that no number of blocks reaches."""
NO_BOUND = 1 << 60
"""A bound that is none."""
SEED_BLOCKS = 12
"""Blocks that the first round of an exact search looks at, at least."""


@kernel
def search_many(
    leaves: Leaves,
    indptr: Array,
    columns: Array,
    weights: Array,
    allowed: Filter,
    plan_ptr: Array,
    plans: Array,
    scratch: Scratch,
    further: bool,
    rows: Array,
    scores: Array,
) -> None:
    """Write the best documents of m queries.

    Parameters
    ----------
    leaves : Leaves
    indptr, columns, weights : int64[m + 1], uint32[nnz], float32[nnz]
        The queries, canonical.
    allowed : Filter
        Over the rows and blocks of all leaves.
    plan_ptr : int64[leaves + 1]
        A leaf has the rows ``plan_ptr[i]:plan_ptr[i + 1]`` of `plans`.
    plans : float64[p, 4]
        (terms, mass, looked_at, champions): in queries of at most so many terms that occur, the
        heaviest terms that hold the share `mass` of the query's largest contributions are added up,
        and so many blocks are looked at, or so many documents if `champions` is 1 and only
        champions are added up; to look at 0 is an exact search. Ordered by terms; longer queries
        take the last. None is an exact search for all.
    scratch : Scratch
        As large as the largest leaf wants; `integers`, `weights` and `window` must be zero, and are
        zero again afterwards.
    further : bool
        Whether `rows` and `scores` hold the results of other leaves.
    rows, scores : int64[m, k], float32[m, k]
        Results, ordered; -1 and -inf in the places left over. k is at most the number of documents.
    """
    if not further:
        rows[:] = -1
        scores[:] = -np.inf
    for i in range(indptr.size - 1):
        columns_i = columns[indptr[i] : indptr[i + 1]]
        weights_i = weights[indptr[i] : indptr[i + 1]]
        found = 0
        while found < rows.shape[1] and rows[i, found] >= 0:
            found += 1
        if found == rows.shape[1]:
            worst_first(rows[i], scores[i], found)
        for at in range(len(leaves)):
            leaf = leaves[at]
            found = _search_one(
                leaf, columns_i, weights_i, _of_leaf(allowed, leaf),
                plans[plan_ptr[at] : plan_ptr[at + 1]], _narrowed(scratch, leaf), found,
                rows[i], scores[i],
            )  # fmt: skip
        sort_results(rows[i], scores[i], found)


@kernel
def _of_leaf(allowed: Filter, leaf: Leaf) -> Filter:
    """Return the filter of a leaf's rows and blocks."""
    n = leaf.layout.indptr.size - 1
    n_blocks = -(-n // leaf.block_size)
    return Filter(
        allowed.rows[leaf.first_row : leaf.first_row + n],
        allowed.blocks[leaf.first_block : leaf.first_block + n_blocks],
    )


@kernel
def _narrowed(scratch: Scratch, leaf: Leaf) -> Scratch:
    """Return the scratch memory with as many sums as a leaf has."""
    n_blocks = -(-(leaf.layout.indptr.size - 1) // leaf.block_size)
    size = -(-n_blocks // PADDING) * PADDING
    return Scratch(
        scratch.sums[:size], scratch.maxima[: size // LANES], scratch.candidates, scratch.bounds,
        scratch.order, scratch.totals, scratch.window, scratch.integers, scratch.weights,
    )  # fmt: skip


@kernel
def block_ranks(
    leaf: Leaf,
    columns: Array,
    query: Array,
    mass: float,
    champions: bool,
    scratch: Scratch,
    rows: Array,
    scores: Array,
    ranks: Array,
    reaching: Array,
) -> float:
    """Say how many blocks, or champions, a search must look at to find given documents.

    Parameters
    ----------
    leaf, mass, champions, scratch
        As in `search_many`.
    columns, query : uint32[m], float32[m]
        One query.
    rows : int64[k]
        Documents.
    scores : float32[s]
        Scores.
    ranks : int64[k]
        Written: how many blocks have at least the sum of the document's block; `NEVER` where that
        is 0, as such blocks are not looked at.
    reaching : int64[s]
        Written: how many blocks have sums that reach the score; nothing of champions.

    Returns
    -------
    float
        Nanoseconds that the sums take, by what cells and entries cost; infinity where champions
        cannot be added up.
    """
    layout = leaf.layout
    terms, weights, m = match_terms(leaf, columns, query)
    if m == 0:
        return 0.0
    integers, shift, unit = quantise_query(terms, weights, m, layout.scales)
    added = _heaviest(terms, weights, integers, m, layout.scales, mass)
    reached = np.zeros(MAX_SUM + 2, np.int64)
    if champions:
        ranks[:] = NEVER
        if shift == UNBOUNDED:
            return np.inf
        found = np.zeros(rows.size, np.int64)
        entries = rank_champions(
            layout, terms, integers, added, shift, scratch, rows, found, reached
        )
        for i in range(rows.size):
            if found[i] > 0:
                ranks[i] = reached[found[i]]
        return CHAMPION_NS * entries
    accumulate(layout, terms, integers, added, shift, scratch.sums, scratch.maxima)
    for block in range(scratch.sums.size):
        reached[scratch.sums[block]] += 1
    for value in range(MAX_SUM, -1, -1):
        reached[value] += reached[value + 1]
    for i in range(rows.size):
        at = scratch.sums[rows[i] // leaf.block_size]
        ranks[i] = reached[at] if at > 0 else NEVER
    for i in range(scores.size):
        reaching[i] = reached[sum_threshold(scores[i], unit)]
    n_terms = layout.columns.size
    n_windows = (layout.list_ptr.size - 1) // n_terms
    cost = BLOCK_NS * scratch.sums.size
    for j in range(added):
        if layout.dense_rows[terms[j]] >= 0:
            cost += CELL_NS * scratch.sums.size
        for window in range(n_windows):
            place = window * n_terms + terms[j]
            cost += ENTRY_NS * (layout.list_ptr[place + 1] - layout.list_ptr[place])
    return cost


@kernel
def _search_one(
    leaf: Leaf,
    columns: Array,
    query: Array,
    allowed: Filter,
    plans: Array,
    scratch: Scratch,
    found: int,
    rows: Array,
    scores: Array,
) -> int:
    """Add the best documents of a leaf to the results of one query; return how many there are."""
    layout = leaf.layout
    terms, weights, m = match_terms(leaf, columns, query)
    if m == 0:
        return found
    integers, shift, unit = quantise_query(terms, weights, m, layout.scales)
    mass, looked_at, champions = _plan(plans, m)
    if champions and shift == UNBOUNDED:
        looked_at = 0
    added = m
    if looked_at > 0:
        added = _heaviest(terms, weights, integers, m, layout.scales, mass)
    for j in range(m):
        scratch.integers[terms[j]] = integers[j]
        scratch.weights[terms[j]] = weights[j]
    before = found
    if champions and looked_at > 0:
        count = collect_champions(
            layout, terms, integers, added, shift, looked_at, allowed, scratch
        )
        count = bound_documents(layout, scratch, count, 0.0)
        point = unit / 2.0**shift
        found = score_best(layout, scratch, count, point, leaf.first_row, found, rows, scores)
    else:
        found = _search_blocks(
            leaf, terms, integers, added, shift, unit, looked_at, allowed, scratch, found,
            rows, scores,
        )  # fmt: skip
    if looked_at > 0 and found < rows.size:
        found = _search_blocks(
            leaf, terms, integers, m, shift, unit, 0, allowed, scratch, before, rows, scores
        )
    for j in range(m):
        scratch.integers[terms[j]] = 0
        scratch.weights[terms[j]] = 0.0
    return found


@kernel
def _plan(plans: Array, m: int) -> tuple[float, int, bool]:
    """Return the plan, but its terms, for a query of m terms."""
    if plans.shape[0] == 0:
        return 1.0, 0, False
    i = 0
    while i + 1 < plans.shape[0] and m > plans[i, 0]:
        i += 1
    return plans[i, 1], int(plans[i, 2]), plans[i, 3] > 0


@kernel
def _search_blocks(
    leaf: Leaf,
    terms: Array,
    integers: Array,
    added: int,
    shift: int,
    unit: float,
    looked_at: int,
    allowed: Filter,
    scratch: Scratch,
    found: int,
    rows: Array,
    scores: Array,
) -> int:
    """Add up so many terms and look at so many blocks, or at all that matter if that is 0.

    Writes the best documents in any order and returns how many there are.
    """
    layout = leaf.layout
    sums = scratch.sums
    accumulate(layout, terms, integers, added, shift, sums, scratch.maxima)
    if allowed.blocks.size:
        clear_blocks(sums, scratch.maxima, allowed.blocks)
    point = unit / 2.0**shift
    rest = 0
    for j in range(added, terms.size):
        rest += MAX_CODE * int(integers[j])
    if shift == UNBOUNDED:
        rest = NO_BOUND
    high = MAX_SUM + 1
    wanted = looked_at if looked_at > 0 else max(SEED_BLOCKS, rows.size)
    while high > 1:
        low = sum_threshold(scores[0], unit) if found == rows.size else 1
        low = sum_reached_by(sums, scratch.maxima, wanted, low, high)
        if low < high:
            least = admitted_bound(scores[0]) / point if found == rows.size else 0.0
            count = collect(
                layout, leaf.block_size, scratch, allowed, low, high, least, shift, rest
            )
            if layout.dense_codes.shape[1] > 0:
                found = score_by_term(
                    layout, scratch, terms, count, leaf.first_row, found, rows, scores
                )
            else:
                found = score_best(
                    layout, scratch, count, point, leaf.first_row, found, rows, scores
                )
        if looked_at > 0 or (found == rows.size and sum_threshold(scores[0], unit) >= low):
            break
        high = low
        wanted *= GROWTH
    return found


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
