"""From what a caller asks for to the settings of the kernels.

An approximate search adds up only a query's heaviest terms and looks only at the blocks with the
highest sums. How many it takes for a given recall depends on the collection, its queries and their
length, so a table is fitted to queries (`calibrate`) and stored with the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rarefy.index.filters import NO_FILTER
from rarefy.index.kernels import NEVER, block_ranks, search_many
from rarefy.index.layout import Layout
from rarefy.index.scratch import Scratch
from rarefy.index.vectors import Vectors

__all__ = ["EXACT", "Calibration", "Plan", "calibrate", "plans", "sample_queries"]

DOCUMENT_NS = 120
"""What it takes to look at a document, beside `kernels.CELL_NS`."""
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

EXACT = np.zeros((0, 3))
"""The plans of an exact search."""


class Plan(NamedTuple):
    """Settings of one search.

    Attributes
    ----------
    mass : float
        Share of the query's largest contributions that the terms that are added up hold.
    n_blocks : int
        Blocks to look at; 0 is an exact search.
    """

    mass: float
    n_blocks: int


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
    """Choose settings for queries of any length: float64[p, 3], see `kernels.search_many`.

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
        (terms, plan.mass, -(-plan.n_blocks * n // n_allowed))
        for terms, plan in zip(lengths, chosen, strict=True)
    ]
    return np.array(rows, np.float64).reshape(-1, 3)


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
    scratch = Scratch.of(n, -(-n // block_size), len(layout.columns))
    own = np.full(len(queries), -1) if own_rows is None else np.asarray(own_rows)
    table = []
    shorter = 0
    for terms in LENGTHS:
        chosen, cut = _cut(queries, shorter, terms)
        shorter = terms
        if len(chosen) >= min(LEAST_QUERIES, len(queries)):
            table += _fit(layout, block_size, cut, own[chosen], terms, scratch)
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
    layout: Layout,
    block_size: int,
    queries: Vectors,
    own: npt.NDArray[np.int64],
    terms: int,
    scratch: Scratch,
) -> list[Calibration]:
    """Fit the settings for queries of one length."""
    n = len(layout.indptr) - 1
    truth, scores = _truth(layout, block_size, queries, own, scratch)
    if not (truth >= 0).any():
        return []
    ranks = np.full((len(MASSES), *truth.shape), NEVER)
    costs = np.zeros(len(MASSES))
    exact_blocks = np.zeros(len(DEPTHS))
    deepest = np.array(DEPTHS) - 1
    for i, rows in enumerate(truth):
        columns, weights = queries.row(i)
        found = rows[rows >= 0]
        ranked = np.zeros(len(found), np.int64)
        kth = np.maximum(scores[i, deepest], 0)  # -inf where fewer than k are found
        reaching = np.zeros(len(DEPTHS), np.int64)
        for j, mass in enumerate(MASSES):
            cost = block_ranks(
                layout, block_size, columns, weights, mass, scratch, found, kth, ranked, reaching
            )
            ranks[j, i, : len(found)] = ranked
            costs[j] += cost / len(truth)
        # the last share is all terms, whose sums an exact search looks at
        exact_blocks += np.maximum(reaching, DEPTHS) / len(truth)
    table = []
    for d, k in enumerate(DEPTHS):
        places = np.unique(np.linspace(0, k - 1, min(k, RANKS)).astype(np.int64))
        counted = truth[:, places] >= 0
        some = counted.any(axis=1)
        needed = ranks[:, some][:, :, places]
        shares = counted[some] / counted[some].sum(axis=1, keepdims=True)
        exact_ns = costs[-1] + DOCUMENT_NS * block_size * exact_blocks[d]
        for level in LEVELS:
            best = min(
                (
                    _cheapest(level, mass, cost, DOCUMENT_NS * block_size, needed[j], shares)
                    for j, (mass, cost) in enumerate(zip(MASSES, costs, strict=True))
                ),
                key=lambda it: it[0],
            )
            if best[0] >= exact_ns or best[1].n_blocks * block_size >= n // 2:
                best = exact_ns, Plan(1.0, 0)
            table.append(Calibration(k, terms, level, best[1]))
    return table


def _truth(
    layout: Layout,
    block_size: int,
    queries: Vectors,
    own: npt.NDArray[np.int64],
    scratch: Scratch,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return the exact best rows of each query, and their scores, without its own document."""
    rows = np.empty((len(queries), DEPTHS[-1] + 1), np.int64)
    scores = np.empty(rows.shape, np.float32)
    search_many(
        layout, block_size, queries.indptr, queries.columns, queries.weights, NO_FILTER, EXACT,
        scratch, rows, scores,
    )  # fmt: skip
    others = np.argsort((rows == own[:, None]) & (rows >= 0), axis=1, kind="stable")[:, :-1]
    return np.take_along_axis(rows, others, axis=1), np.take_along_axis(scores, others, axis=1)


def _cheapest(
    level: float,
    mass: float,
    cost: float,
    block_cost: float,
    needed: npt.NDArray[np.int64],
    shares: npt.NDArray[np.float64],
) -> tuple[float, Plan]:
    """Return the predicted work and the settings with the fewest blocks that reach the level.

    The work is infinite if no number of blocks does.
    """

    def reaches(blocks: int) -> bool:
        recalls = ((needed <= blocks) * shares).sum(axis=1)
        error = recalls.std() / np.sqrt(len(recalls))
        return bool(recalls.mean() - error / 2 >= level)

    low, high = 1, int(needed[needed < NEVER].max(initial=1))
    if not reaches(high):
        return np.inf, Plan(mass, high)
    while low < high:
        blocks = (low + high) // 2
        if reaches(blocks):
            high = blocks
        else:
            low = blocks + 1
    return cost + block_cost * low, Plan(mass, low)
