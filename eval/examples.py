"""Queries shown whole, those that the systems differ about most: what each found, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from rarefy.eval.collections.collection import Collection
from rarefy.eval.run import ranking
from rarefy.eval.systems.system import SparseVectors, System

__all__ = ["choose_queries", "show_queries"]

_QUERIES = 200
_HITS = 10
_RELEVANT = 10
_TERMS = 20  # of a query
_MATCHED = 6  # terms of a hit
_SNIPPET = 300  # characters


def choose_queries(
    values: Mapping[str, Mapping[str, float]], *, count: int = _QUERIES
) -> list[str]:
    """Choose the queries with the largest differences between the best system and the worst.

    Parameters
    ----------
    values
        System -> query id -> value of one measure. Of a single system the queries with the
        lowest values are chosen.
    count
        How many to choose.
    """
    several = len(values) > 1
    first = next(iter(values.values()))

    def interest(query_id: str) -> float:
        found = [per_query[query_id] for per_query in values.values()]
        return max(found) - min(found) if several else -found[0]

    return sorted(first, key=lambda query_id: (-interest(query_id), query_id))[:count]


def show_queries(
    query_ids: Sequence[str],
    collection: Collection,
    systems: Sequence[System],
    runs: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> dict[str, Any]:
    """Show what each system made of some queries.

    Parameters
    ----------
    query_ids
        Which queries, in the order to show them.
    collection
        The texts and the judgements.
    systems
        Whose rankings, and vectors, where they have any.
    runs
        System -> its run.

    Returns
    -------
    dict
        ``documents``: id -> text, cut at 300 characters, of all documents that are named.
        ``queries``: for each query ``query_id``, ``query``, ``relevant`` (at most 10 pairs of id
        and grade, highest grades first) and ``systems``: name -> ``hits`` (the best 10: ``id``,
        ``score``, ``grade``, None if not judged) and, for systems with sparse vectors, ``terms``
        (the 20 heaviest of the query, with weights) and in each hit ``matched`` (at most 6 terms
        with what each adds to the score).
    """
    query_row = {query_id: row for row, query_id in enumerate(collection.query_ids)}
    best = {
        query_id: {name: ranking(run.get(query_id, {}))[:_HITS] for name, run in runs.items()}
        for query_id in query_ids
    }
    relevant = {query_id: _relevant(collection.qrels[query_id]) for query_id in query_ids}
    named = {key for rankings in best.values() for found in rankings.values() for key in found}
    named.update(key for pairs in relevant.values() for key, _ in pairs)
    row_of = {key: row for row, key in enumerate(collection.document_ids) if key in named}
    shown = []
    for query_id in query_ids:
        grades = collection.qrels[query_id]
        views: dict[str, Any] = {}
        for system in systems:
            scores = runs[system.name].get(query_id, {})
            hits: list[dict[str, Any]] = [
                {"id": key, "score": scores[key], "grade": grades.get(key)}
                for key in best[query_id][system.name]
            ]
            views[system.name] = {"hits": hits}
            if system.vectors is not None:
                query = system.vectors.queries[[query_row[query_id]]]
                views[system.name]["terms"] = _pairs(system.vectors, query, _TERMS)
                for hit in hits:
                    document = system.vectors.documents[[row_of[hit["id"]]]]
                    products = _products(query, document)
                    hit["matched"] = _pairs(system.vectors, products, _MATCHED)
        shown.append(
            {
                "query_id": query_id,
                "query": collection.queries[query_row[query_id]],
                "relevant": relevant[query_id],
                "systems": views,
            }
        )
    texts = {key: _snippet(collection.documents[row]) for key, row in row_of.items()}
    return {"documents": texts, "queries": shown}


def _relevant(grades: Mapping[str, int]) -> list[list[Any]]:
    found = [key for key in ranking(grades) if grades[key] > 0]
    return [[key, grades[key]] for key in found[:_RELEVANT]]


def _pairs(vectors: SparseVectors, row: csr_array, count: int) -> list[list[Any]]:
    return [[term, float(weight)] for term, weight in vectors.explain(row, count)]


def _products(query: csr_array, document: csr_array) -> csr_array:
    """Return the products of the weights of shared terms [1, V]: they sum to the score."""
    shared, in_query, in_document = np.intersect1d(
        query.indices, document.indices, assume_unique=True, return_indices=True
    )
    data = query.data[in_query] * document.data[in_document]
    return csr_array((data, shared, [0, len(shared)]), shape=query.shape)


def _snippet(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SNIPPET else text[: _SNIPPET - 1] + "…"
