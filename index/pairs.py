"""Dense vectors in an index: a matrix product says which documents can be the best.

A dimension is a pair of columns, as `rarefy.sparse.shifted` makes them: nearly all documents have
all of them, so that bounds over blocks of documents exclude none. With ``P`` and ``M`` the weights
of a document in the two halves of the columns, and ``p`` and ``m`` those of a query, a score is

    sum(p P + m M) = sum((p - m) (P - M) / 2) + sum((p + m) (P + M) / 2)

The first sum is a product of dense vectors; the second is about the same for all documents. What
rounding and the difference from "the same" can amount to is bounded for each document. Those that
cannot be among the best k are left out, and the index scores and orders the others: results are
the same whatever a matrix product rounds, in whatever order and threads it adds.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rarefy.index.arguments import check_count, check_recall
from rarefy.index.hits import Hits
from rarefy.index.impacts import FLOAT32_MAX, LEAST_FLOAT32, SLACK
from rarefy.index.index import Index
from rarefy.index.layout import Layout
from rarefy.index.part import Part
from rarefy.index.snapshot import Snapshot
from rarefy.index.vectors import Vectors, canonical

__all__ = ["search_pairs"]

ROWS = 4096
"""Documents whose postings are read at once."""
ROUNDING = 2.0**-24
"""Of float32: an operation is off by this share of its result at most."""

_making = Lock()


class Pairs(NamedTuple):
    """The pairs of columns of a segment's n documents, d of them.

    Attributes
    ----------
    differences : float32[n, d]
        ``(P - M) / 2``.
    level : float
        What ``(P + M) / 2`` is about.
    slack : float32[n]
        By how much scores may be above or below what `differences` and `level` make of a query
        where ``p + m`` has length 1; -inf for documents without any of the columns.
    """

    differences: npt.NDArray[np.float32]
    level: float
    slack: npt.NDArray[np.float32]


def search_pairs(
    index: Index,
    queries: Any,
    k: int,
    first: int,
    *,
    recall: float | None = None,
    filter: Any = None,
    threads: int = 1,
) -> Hits:
    """Return what `Index.search` returns for queries of dense vectors, sooner.

    Keeps 4 d bytes a document in memory from the first such search on. A compact index is searched
    as by `Index.search`: it has no postings by document.

    Parameters
    ----------
    index
        What is searched.
    queries
        Scipy sparse [m, vocabulary], without columns before `first`.
    first
        Where the columns begin, 2 d of them up to the last of the vocabulary: column ``first + i``
        and column ``first + d + i`` are a pair.
    k, recall, filter, threads
        As `Index.search` takes them; all results are exact.

    Raises
    ------
    InputTypeError, InputError
        As `Index.search` does.
    """
    snapshot = index._snapshot
    if any(part.segment.layout.compact for part in snapshot.parts):
        return index.search(queries, k, recall=recall, filter=filter, threads=threads)
    check_count("k", k)
    check_count("threads", threads)
    check_recall(recall)
    vectors = canonical(queries, width=snapshot.vocabulary_size, what="query vectors")
    allowed = None if filter is None else snapshot.mask(filter)

    def search(row: int) -> Hits:
        query = vectors.between(row, row + 1)
        kept = _candidates(snapshot, query, first, k, allowed)
        return snapshot.search(query, k, None, kept, 1)

    rows = range(len(vectors))
    if threads == 1 or len(rows) < 2:
        found = [search(row) for row in rows]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(search, rows))
    if len(found) == 1:
        return found[0]
    none = snapshot.search(vectors.between(0, 0), k, None, None, 1)
    return Hits(*(np.concatenate(arrays) for arrays in zip(none, *found, strict=True)))


@np.errstate(over="ignore", invalid="ignore")
def _candidates(
    snapshot: Snapshot,
    query: Vectors,
    first: int,
    k: int,
    allowed: npt.NDArray[np.bool_] | None,
) -> npt.NDArray[np.bool_]:
    """Return which documents can be among the best k, and perhaps others: bool[len(snapshot)]."""
    d = (snapshot.vocabulary_size - first) // 2
    halves = np.zeros(2 * d)
    halves[query.columns.astype(np.int64) - first] = query.weights
    length = float(np.linalg.norm(halves[:d] + halves[d:])) or 1.0
    halves /= length
    asked = (halves[:d] - halves[d:]).astype(np.float32)
    sums = np.empty(len(snapshot), np.float32)
    slack = np.empty(len(snapshot), np.float32)
    for part, start in zip(snapshot.parts, snapshot.starts.tolist(), strict=False):
        pairs = _pairs(part, first, d)
        place = slice(start, start + len(part))
        rows = slice(None) if part.alive is None else part.rows
        sums[place] = (pairs.differences @ asked)[rows] + np.float32(pairs.level * halves.sum())
        slack[place] = pairs.slack[rows]
    most = sums + slack
    if allowed is not None:
        most[~allowed] = -np.inf
    if k < len(most) and np.isfinite(sums).all():
        best = np.argpartition(most, -k)[-k:]
        least = (sums[best] - slack[best]).min()  # k documents have as much, or fewer are there
        if np.isfinite(least):
            # Scores beyond float32 are infinite and tie, as do those near its end at zero.
            highest = (1 - SLACK) * FLOAT32_MAX / length
            return most >= np.minimum(np.float64(least), highest) - 2 * LEAST_FLOAT32 / length
    return most != -np.inf


def _pairs(part: Part, first: int, d: int) -> Pairs:
    """Return the pairs of a part's segment, which are made once."""
    with _making:
        if first not in part.derived:
            part.derived[first] = _made(part.segment.layout, first, d)
        return part.derived[first]


@np.errstate(over="ignore")  # weights near the end of float32 have no bound: all are candidates
def _made(layout: Layout, first: int, d: int) -> Pairs:
    n = len(layout.indptr) - 1
    differences = np.empty((n, d), np.float32)
    slack = np.empty(n, np.float32)
    level = 0.0
    for start in range(0, n, ROWS):
        end = min(start + ROWS, n)
        entries = slice(layout.indptr[start], layout.indptr[end])
        columns = layout.columns[layout.terms[entries]].astype(np.int64) - first
        rows = np.repeat(np.arange(end - start), np.diff(layout.indptr[start : end + 1]))
        kept = columns >= 0
        weights = np.zeros((end - start, 2 * d))
        weights[rows[kept], columns[kept]] = layout.weights[entries][kept]
        there = weights.any(axis=1)
        means = (weights[:, :d] + weights[:, d:]) / 2
        if not level and there.any():
            level = float(means[there].mean())
        difference = (weights[:, :d] - weights[:, d:]) / 2
        lengths = np.linalg.norm(difference, axis=1)
        # Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.1: a product of
        # d terms is off by d roundings at most, in any order. Twice as many are allowed for, and
        # numbers so small that they may be taken for zero; the others are of the level and of sums.
        rounded = 2 * (d + 8) * lengths + 16 * d**0.5 * level
        apart = 1.001 * np.linalg.norm(means - level, axis=1)
        whole = apart + rounded * ROUNDING + 2 * d * np.finfo(np.float32).tiny
        differences[start:end] = difference
        slack[start:end] = np.where(there, whole, -np.inf)
    return Pairs(differences, level, slack)
