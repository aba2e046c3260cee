"""From what a caller asks for to the settings of the kernels.

An approximate search adds up only a query's heaviest terms and looks only at the blocks with the
highest sums. How many it takes for a given recall depends on the collection and its queries, so a
table is fitted to queries (`calibrate`) and stored with the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rarefy.index.kernels import block_ranks, search_many
from rarefy.index.layout import Layout
from rarefy.index.scratch import Scratch
from rarefy.index.vectors import Vectors

__all__ = ["EXACT", "Calibration", "Plan", "calibrate", "plan", "sample_queries"]

BLOCK_CELLS = 6000
"""Cells of a dense row that are added in the time of looking at one block."""
LEVELS = (0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.999)
MASSES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
DEPTHS = (10, 100)
SAMPLE = 256
SAMPLE_NNZ = 32
LEAST_DOCUMENTS = 8192
"""Smaller collections are always searched exactly: that is as fast."""


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


EXACT = Plan(1.0, 0)


class Calibration(NamedTuple):
    """Settings that reach a recall at a depth.

    Attributes
    ----------
    k : int
        Documents asked for.
    recall : float
        Mean share of the exact best k that are found.
    plan : Plan
        The cheapest settings that reached it.
    """

    k: int
    recall: float
    plan: Plan


def plan(
    table: Sequence[Calibration], k: int, recall: float | None, n: int, n_allowed: int
) -> Plan:
    """Choose settings.

    Exact search is chosen where no settings are known to reach the recall at this depth, and for
    filters that keep less than half of the documents, on which the table says nothing.
    """
    if recall is None or recall >= 1 or 2 * n_allowed < n:
        return EXACT
    fitting = [entry for entry in table if entry.k >= k and entry.recall >= recall]
    if not fitting:
        return EXACT
    best = min(fitting, key=lambda entry: (entry.k, entry.recall))
    return Plan(best.plan.mass, -(-best.plan.n_blocks * n // n_allowed))


def sample_queries(
    layout: Layout, width: int, rng: np.random.Generator
) -> tuple[Vectors, list[int]]:
    """Make queries of the heaviest terms of some documents; return them and the documents' rows."""
    n = len(layout.indptr) - 1
    rows = np.sort(rng.choice(n, min(SAMPLE, n), replace=False))
    columns, weights = [], []
    for row in rows:
        entries = slice(layout.indptr[row], layout.indptr[row + 1])
        heaviest = np.sort(np.argsort(-layout.weights[entries], kind="stable")[:SAMPLE_NNZ])
        columns.append(layout.columns[layout.terms[entries][heaviest]])
        weights.append(layout.weights[entries][heaviest])
    indptr = np.concatenate([[0], np.cumsum([len(part) for part in columns])]).astype(np.int64)
    queries = Vectors(indptr, np.concatenate(columns), np.concatenate(weights), width)
    return queries, rows.tolist()


def calibrate(
    layout: Layout, block_size: int, queries: Vectors, own_rows: Sequence[int] | None = None
) -> list[Calibration]:
    """Fit the table of settings to queries.

    For each query and each share of its terms, the exact best documents' blocks are ranked among
    all blocks; the recall of any number of blocks follows. A setting reaches a recall if its mean
    over the queries, less one standard error, does. Of those that do, the one with the least
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
    table = []
    for k in DEPTHS:
        truth = _truth(layout, block_size, queries, k, own_rows, scratch)
        candidates = []
        for mass in MASSES:
            needed = np.full((len(queries), k), np.iinfo(np.int64).max)
            cost = 0.0
            for i, rows in enumerate(truth):
                columns, weights = queries.row(i)
                ranks = np.zeros(len(rows), np.int64)
                cost += block_ranks(
                    layout, block_size, columns, weights, mass, scratch, rows, ranks
                )
                needed[i, : len(rows)] = ranks
            counts = np.array([len(rows) for rows in truth])
            candidates.append((mass, cost / len(queries), needed[counts > 0], counts[counts > 0]))
        for level in LEVELS:
            best = min(
                (_cheapest(level, *candidate) for candidate in candidates), key=lambda it: it[0]
            )
            if best[1].n_blocks * block_size < n // 2:
                table.append(Calibration(k, level, best[1]))
    return table


def _truth(
    layout: Layout,
    block_size: int,
    queries: Vectors,
    k: int,
    own_rows: Sequence[int] | None,
    scratch: Scratch,
) -> list[np.ndarray]:
    """Return the exact best rows of each query."""
    extra = 1 if own_rows is not None else 0
    rows = np.empty((len(queries), k + extra), np.int64)
    scores = np.empty(rows.shape, np.float32)
    search_many(
        layout, block_size, queries.indptr, queries.columns, queries.weights,
        np.ones(0, np.bool_), 1.0, 0, scratch, rows, scores,
    )  # fmt: skip
    own = own_rows if own_rows is not None else [-1] * len(queries)
    return [best[(best >= 0) & (best != mine)][:k] for best, mine in zip(rows, own, strict=True)]


def _cheapest(
    level: float, mass: float, cost: float, needed: np.ndarray, counts: np.ndarray
) -> tuple[float, Plan]:
    """Return the predicted work and the settings with the fewest blocks that reach the level."""
    low, high = 1, int(needed[needed < np.iinfo(np.int64).max].max(initial=1))
    while low < high:
        blocks = (low + high) // 2
        recalls = (needed <= blocks).sum(axis=1) / counts
        error = recalls.std() / np.sqrt(len(recalls))
        if recalls.mean() - error >= level:
            high = blocks
        else:
            low = blocks + 1
    return cost + BLOCK_CELLS * low, Plan(mass, low)
