"""Which queries a system is good at: measures by what the queries are like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from rarefy.eval.collections.collection import Collection

__all__ = ["FEATURES", "Bin", "bins", "query_features"]

FEATURES = {
    "length": "Number of distinct terms of the query that some document has",
    "overlap": "Share of these terms that a relevant document has, a mean over the relevant ones",
    "frequency": "Share of all documents that have a term of the query, a mean over its terms",
}
"""Name of each feature, and what it is; terms are those of BM25."""


class Bin(NamedTuple):
    """Queries that are alike.

    Attributes
    ----------
    low, high
        The least and the largest value of the feature among them.
    query_ids
        Their ids.
    """

    low: float
    high: float
    query_ids: list[str]


def query_features(
    documents: csr_array, queries: csr_array, collection: Collection
) -> dict[str, dict[str, float]]:
    """Describe each judged query by its words.

    Parameters
    ----------
    documents, queries
        Lexical vectors of the collection's documents [documents, V] and queries [queries, V], in
        CSR form; only which terms there are counts.
    collection
        The queries and their judgements.

    Returns
    -------
    dict
        Feature of `FEATURES` -> query id -> value. A query without terms has no frequency, one
        without terms or relevant documents no overlap.
    """
    share = np.bincount(documents.indices, minlength=documents.shape[1]) / documents.shape[0]
    row_of = {key: row for row, key in enumerate(collection.document_ids)}
    found: dict[str, dict[str, float]] = {name: {} for name in FEATURES}
    for row, query_id in enumerate(collection.query_ids):
        if query_id not in collection.qrels:
            continue
        terms = _columns(queries, row)
        found["length"][query_id] = float(len(terms))
        if not len(terms):
            continue
        found["frequency"][query_id] = float(share[terms].mean())
        relevant = [key for key, grade in collection.qrels[query_id].items() if grade > 0]
        if relevant:
            shared = [np.isin(terms, _columns(documents, row_of[key])).mean() for key in relevant]
            found["overlap"][query_id] = float(np.mean(shared))
    return found


def bins(values: Mapping[str, float], *, count: int = 4) -> list[Bin]:
    """Share queries out to bins of about as many, lowest values first.

    Queries of equal values share a bin, so bins may be fewer and uneven.

    Parameters
    ----------
    values
        Query id -> value of a feature.
    count
        The most bins to make.
    """
    if not values:
        return []
    given = np.array(list(values.values()))
    edges = np.unique(np.quantile(given, np.arange(1, count) / count, method="higher"))
    numbers = np.searchsorted(edges, given, side="right")
    query_ids = list(values)
    found = []
    for number in np.unique(numbers):
        members = np.flatnonzero(numbers == number)
        inside = given[members]
        ids = [query_ids[member] for member in members]
        found.append(Bin(float(inside.min()), float(inside.max()), ids))
    return found


def _columns(vectors: csr_array, row: int) -> npt.NDArray[np.integer]:
    return vectors.indices[vectors.indptr[row] : vectors.indptr[row + 1]]
