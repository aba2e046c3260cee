"""The training queries of a test collection -> their relevant documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rarefy.sparse.training.sources.source import Pair, Source

__all__ = ["judged_pairs"]


def judged_pairs(
    name: str,
    licence: str,
    queries: Mapping[str, str],
    documents: Mapping[str, str],
    qrels: Mapping[str, Mapping[str, int]],
) -> Source:
    """Pair queries with their relevant documents.

    Parameters
    ----------
    name
        Of the collection, with its split.
    licence
        Of the collection.
    queries, documents
        Id -> text.
    qrels
        Query id -> document id -> grade; those above 0 make pairs.

    Returns
    -------
    Source
        In the order of the judgements. The documents are those of the collection's test split too:
        what must not overlap is the queries.
    """
    return Source(
        name=name,
        licence=licence,
        origin="judgements of the training split",
        read=lambda: _read(queries, documents, qrels),
    )


def _read(
    queries: Mapping[str, str],
    documents: Mapping[str, str],
    qrels: Mapping[str, Mapping[str, int]],
) -> Iterator[Pair]:
    for query_id, grades in qrels.items():
        for document_id, grade in grades.items():
            if grade > 0:
                yield Pair(queries[query_id], documents[document_id])
