"""What an index holds, read back in portions: ids, vectors and metadata."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from rarefy.index.arguments import check_count
from rarefy.index.index import Index
from rarefy.index.lookup import document_postings
from rarefy.index.part import Part

__all__ = ["Documents", "read_documents"]


class Documents(NamedTuple):
    """Some documents.

    Attributes
    ----------
    ids : list of str
        One a document.
    vectors : csr_array, float32[n, vocabulary]
        Their weights, columns ascending.
    metadata : list of dict
        For each document a value a field, None where it is missing.
    """

    ids: list[str]
    vectors: Any
    metadata: list[dict[str, Any]]


def read_documents(index: Index, size: int = 1000, start: int = 0) -> Iterator[Documents]:
    """Read the documents of an index by row, a portion at a time.

    What is read is the commit that was open at the first portion; `Index.refresh` changes nothing
    of it. A compact index gives the weights that its codes stand for.

    Parameters
    ----------
    index
        What to read.
    size
        Documents of a portion, at least 1; the last may have fewer.
    start
        The first row.

    Yields
    ------
    Documents
    """
    check_count("size", size)
    snapshot = index._snapshot
    first = 0
    for part, metadata in zip(snapshot.parts, snapshot._metadata, strict=True):
        for at in range(max(start - first, 0), len(part), size):
            rows = part.rows[at : at + size]
            ids = part.segment.ids.take(rows).tolist()
            vectors = _vectors(part, rows, snapshot.vocabulary_size)
            yield Documents(ids, vectors, metadata.records(rows.tolist()))
        first += len(part)


def _vectors(part: Part, rows: Any, width: int) -> Any:
    postings = [document_postings(part.segment.layout, row) for row in rows.tolist()]
    columns = np.concatenate([columns for columns, _ in postings]).astype(np.int64)
    weights = np.concatenate([weights for _, weights in postings])
    indptr = np.cumsum([0, *(len(columns) for columns, _ in postings)])
    matrix = scipy.sparse.csr_array((weights, columns, indptr), shape=(len(rows), width))
    matrix.sort_indices()
    return matrix
