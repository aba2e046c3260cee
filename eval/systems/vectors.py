"""Sparse vectors that were made elsewhere, as a system."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from rarefy.errors import InputError
from rarefy.eval.collections.collection import Collection
from rarefy.eval.interchange.vectors import Vectors, align
from rarefy.eval.systems.encoding import Encoded
from rarefy.eval.systems.sparse import SparseSystem
from rarefy.eval.systems.system import SparseVectors

__all__ = ["vectors_system"]


def vectors_system(
    documents: Vectors, queries: Vectors, collection: Collection, *, name: str = "vectors"
) -> SparseSystem:
    """Index given vectors of a collection's documents and queries.

    Parameters
    ----------
    documents, queries
        One vector for each document and each query of the collection, in any order; vectors of
        other ids are left out.
    collection
        The documents and queries.
    name
        Its name in tables.

    Raises
    ------
    InputError
        If a document or a query has no vector.
    """
    documents, queries = align(documents, queries)
    terms = documents.terms

    def explain(row: csr_array, k: int) -> list[tuple[str, float]]:
        heaviest = np.argsort(-row.data, kind="stable")[:k]
        return [(terms[row.indices[place]], float(row.data[place])) for place in heaviest]

    vectors = SparseVectors(
        _rows(documents, collection.document_ids, "document"),
        _rows(queries, collection.query_ids, "query"),
        explain,
    )
    return SparseSystem.from_encoded(
        name, Encoded(vectors, "sparse", f"given vectors, {len(terms):,} terms")
    )


def _rows(vectors: Vectors, ids: Sequence[str], what: str) -> csr_array:
    rows = {key: row for row, key in enumerate(vectors.ids)}
    missing = [key for key in ids if key not in rows]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(ids)} {what} ids have no vector, such as {missing[0]!r}; the "
            f"vectors have ids such as {vectors.ids[0]!r}: give vectors of this collection, empty "
            "ones ({}) for texts without terms"
        )
    return vectors.matrix[[rows[key] for key in ids]]
