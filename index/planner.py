"""From what a caller asks for to the settings of the kernels.

An approximate search adds up only a query's heaviest terms, over all blocks or over the terms'
champions, and looks only at the blocks or documents with the highest sums. How many it takes for a
given recall depends on the collection, its queries and their length, so a table is fitted to
queries (`calibrate`) and stored with the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rarefy.index.compilation import kernel
from rarefy.index.kernels import NEVER, block_ranks
from rarefy.index.layout import Array, Layout
from rarefy.index.leaves import Leaf
from rarefy.index.searcher import Searcher
from rarefy.index.vectors import Vectors

__all__ = ["EXACT", "Calibration", "Plan", "calibrate", "plans", "sample_queries"]

DOCUMENT_NS, LONE_DOCUMENT_NS = 120, 220
"""What it takes to look at a document of a block, and at one that is far from the next, beside what
sums take (`kernels.block_ranks`)."""
LEVELS = (0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.999)
MASSES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
DEPTHS = (10, 30, 100, 300, 1000)
RANKS = 100
"""Of a query's best documents so many, evenly spaced, stand for all."""
LENGTHS = (8, 16, 32, 2**31)
"""Queries of at most so many terms have settings of their own."""
LEAST_QUERIES = 32
SAMPLE = 256
SAMPLE_NNZ = 48
MOST_QUERIES = 192
"""Of each length so many are enough."""
CUT_QUERIES = 64
"""Of each length so many at least, by cutting longer ones."""
LEAST_DOCUMENTS = 8192
"""Smaller collections are always searched exactly: that is as fast."""

EXACT = np.zeros((0, 4))
"""The plans of an exact search."""


class Plan(NamedTuple):
    """Settings of one search.

    Attributes
    ----------
    mass : float
        Share of the query's largest contributions that the terms that are added up hold.
    looked_at : int
        Blocks to look at, or documents if these are champions; 0 is an exact search.
    champions : bool
        Whether only champions are added up.
    """

    mass: float
    looked_at: int
    champions: bool = False


class Calibration(NamedTuple):
    """Settings that reach a recall.

    Attributes
    ----------
    k : int
        Documents asked for.
    terms : int
        Most terms of a query.
    recall : float
        Mean share of the exact best k that are found.
    plan : Plan
        The cheapest settings that reached it.
    """

    k: int
    terms: int
    recall: float
    plan: Plan


def plans(
    table: Sequence[Calibration], k: int, recall: float | None, n: int, n_allowed: int
) -> npt.NDArray[np.float64]:
    """Choose settings for queries of any length: float64[p, 4], see `kernels.search_many`.

    Exact search is chosen where no settings are known to reach the recall at this depth, and for
    filters that keep less than half of the documents, on which the table says nothing.
    """
    if recall is None or recall >= 1 or 2 * n_allowed < n or not n:
        return EXACT
    best: dict[int, Calibration] = {}
    for entry in table:
        if entry.k >= k and entry.recall >= recall:
            other = best.get(entry.terms, entry)
            best[entry.terms] = min(entry, other, key=lambda entry: (entry.k, entry.recall))
    lengths = sorted({entry.terms for entry in table}) if best else []
    chosen = [best[terms].plan if terms in best else Plan(1.0, 0) for terms in lengths]
    rows = [
        (terms, plan.mass, -(-plan.looked_at * n // n_allowed), plan.champions)
        for terms, plan in zip(lengths, chosen, strict=True)
    ]
    return np.array(rows, np.float64).reshape(-1, 4)


def sample_queries(
    layout: Layout, width: int, rng: np.random.Generator
) -> tuple[Vectors, list[int]]:
    """Make queries of the heaviest terms of some documents; return them and the documents' rows."""
    n = len(layout.indptr) - 1
    rows = np.sort(rng.choice(n, min(SAMPLE, n), replace=False))
    queries = []
    for row in rows:
        entries = slice(layout.indptr[row], layout.indptr[row + 1])
        queries.append((layout.columns[layout.terms[entries]], layout.weights[entries]))
    longest = 1 + rng.permutation(len(rows)) % SAMPLE_NNZ
    return _heaviest(queries, longest, width), rows.tolist()


def calibrate(
    layout: Layout, block_size: int, queries: Vectors, own_rows: Sequence[int] | None = None
) -> list[Calibration]:
    """Fit the table of settings to queries.

    For each length there are settings of their own. Queries that are longer are cut to it, so that
    a search for a few words keeps its promise though all calibration queries were long.

    For each query and each share of its terms, the exact best documents' blocks are ranked among
    all blocks; the recall of any number of blocks follows. A setting reaches a recall if its mean
    over the queries, less half its standard error, does. Of those that do, the one with the least
    predicted work is kept, so that the table depends on the vectors alone.

    Parameters
    ----------
    layout, block_size
        The index.
    queries
        What to fit to.
    own_rows
        Rows of documents that the queries were made of, and that do not count as results.
    """
    n = len(layout.indptr) - 1
    if n < LEAST_DOCUMENTS or not len(queries):
        return []
    leaf = Leaf.of(layout, block_size)
    searcher = Searcher([leaf])
    own = np.full(len(queries), -1) if own_rows is None else np.asarray(own_rows)
    table = []
    shorter = 0
    for terms in LENGTHS:
        chosen, cut = _cut(queries, shorter, terms)
        shorter = terms
        if len(chosen) >= min(LEAST_QUERIES, len(queries)):
            table += _fit(leaf, cut, own[chosen], terms, searcher)
    return table


def _cut(queries: Vectors, shorter: int, longest: int) -> tuple[npt.NDArray[np.int64], Vectors]:
    """Return which queries have more than `shorter` terms, and them cut to at most `longest`.

    Queries that are cut get any length between the two.
    """
    lengths = np.diff(queries.indptr)
    fitting = np.flatnonzero((lengths > shorter) & (lengths <= longest))[:MOST_QUERIES]
    longer = np.flatnonzero(lengths > longest)[: max(0, CUT_QUERIES - len(fitting))]
    chosen = np.concatenate([fitting, longer])
    most = np.concatenate(
        [lengths[fitting], shorter + 1 + np.arange(len(longer)) % (longest - shorter)]
    )
    return chosen, _heaviest([queries.row(i) for i in chosen], most, queries.width)


def _heaviest(
    queries: Sequence[tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]],
    most: npt.NDArray[np.int64],
    width: int,
) -> Vectors:
    """Return each query's heaviest terms, at most so many."""
    indptr = np.zeros(len(queries) + 1, np.int64)
    columns, weights = [np.empty(0, np.uint32)], [np.empty(0, np.float32)]
    for i, (of_query, values) in enumerate(queries):
        kept = np.sort(np.argsort(-values, kind="stable")[: most[i]])
        columns.append(of_query[kept])
        weights.append(values[kept])
        indptr[i + 1] = indptr[i] + len(kept)
    return Vectors(indptr, np.concatenate(columns), np.concatenate(weights), width)


def _fit(
    leaf: Leaf,
    queries: Vectors,
    own: npt.NDArray[np.int64],
    terms: int,
    searcher: Searcher,
) -> list[Calibration]:
    """Fit the settings for queries of one length."""
    n = len(leaf.layout.indptr) - 1
    truth, scores = _truth(searcher, queries, own)
    if not (truth >= 0).any():
        return []
    ways = [(mass, False) for mass in MASSES]  # the last of these has the sums of an exact search
    if leaf.layout.has_champions:
        ways += [(mass, True) for mass in MASSES]
    ranks = np.full((len(ways), *truth.shape), NEVER)
    costs = np.zeros(len(ways))
    exact_blocks = np.zeros(len(DEPTHS))
    deepest = np.array(DEPTHS) - 1
    scratch = searcher.take()
    for i, rows in enumerate(truth):
        columns, weights = queries.row(i)
        found = rows[rows >= 0]
        ranked = np.zeros(len(found), np.int64)
        kth = np.maximum(scores[i, deepest], 0)  # -inf where fewer than k are found
        reaching = np.zeros(len(DEPTHS), np.int64)
        for j, (mass, champions) in enumerate(ways):
            cost = block_ranks(
                leaf, columns, weights, mass, champions, scratch, found, kth, ranked, reaching
            )  # fmt: skip
            ranks[j, i, : len(found)] = ranked
            costs[j] += cost / len(truth)
        exact_blocks += np.maximum(reaching, DEPTHS) / len(truth)
    searcher.give(scratch)
    table = []
    for d, k in enumerate(DEPTHS):
        places = np.unique(np.linspace(0, k - 1, min(k, RANKS)).astype(np.int64))
        counted = truth[:, places] >= 0
        some = counted.any(axis=1)
        needed = np.ascontiguousarray(ranks[:, some][:, :, places])
        shares = counted[some] / counted[some].sum(axis=1, keepdims=True)
        exact_ns = costs[len(MASSES) - 1] + DOCUMENT_NS * leaf.block_size * exact_blocks[d]
        for level in LEVELS:
            best = exact_ns, Plan(1.0, 0)
            for j, (mass, champions) in enumerate(ways):
                each = LONE_DOCUMENT_NS if champions else DOCUMENT_NS * leaf.block_size
                least = k if champions else 1  # fewer champions than k would be searched again
                work, looked_at = _cheapest(level, costs[j], each, least, needed[j], shares)
                if work < best[0] and looked_at * (1 if champions else leaf.block_size) < n // 2:
                    best = work, Plan(mass, looked_at, champions)
            table.append(Calibration(k, terms, level, best[1]))
    return table


def _truth(
    searcher: Searcher, queries: Vectors, own: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return the exact best rows of each query, and their scores, without its own document."""
    rows, scores = searcher.search(queries, DEPTHS[-1] + 1, searcher.planned([EXACT]))
    others = np.argsort((rows == own[:, None]) & (rows >= 0), axis=1, kind="stable")[:, :-1]
    return np.take_along_axis(rows, others, axis=1), np.take_along_axis(scores, others, axis=1)


def _cheapest(
    level: float,
    cost: float,
    each: float,
    least: int,
    needed: npt.NDArray[np.int64],
    shares: npt.NDArray[np.float64],
) -> tuple[float, int]:
    """Return the predicted work, and the fewest blocks or documents that reach the level.

    They are at least `least`. The work is infinite if no number does. `cost` is the work of the
    sums, `each` that of a block or document.
    """
    high = int(needed[needed < NEVER].max(initial=least))
    if not _reaches(level, high, needed, shares):
        return np.inf, high
    low = _fewest(level, least, high, needed, shares)
    return cost + each * low, low


@kernel
def _reaches(level: float, looked_at: int, needed: Array, shares: Array) -> bool:
    """Return whether the mean recall, less half its standard error, is the level or more."""
    n, total, squares = needed.shape[0], 0.0, 0.0
    for i in range(n):
        recall = 0.0
        for j in range(needed.shape[1]):
            if needed[i, j] <= looked_at:
                recall += shares[i, j]
        total += recall
        squares += recall * recall
    mean = total / n
    error = np.sqrt(max(squares / n - mean * mean, 0.0) / n)
    return mean - error / 2 >= level


@kernel
def _fewest(level: float, low: int, high: int, needed: Array, shares: Array) -> int:
    """Return the fewest from `low` to `high` that reach the level, which `high` does."""
    while low < high:
        middle = (low + high) // 2
        if _reaches(level, middle, needed, shares):
            high = middle
        else:
            low = middle + 1
    return low
