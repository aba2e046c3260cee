"""The index: sparse vectors in, ranked documents out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rarefy.errors import InputError, InputTypeError
from rarefy.index.build import build
from rarefy.index.hits import Hits
from rarefy.index.layout import Layout
from rarefy.index.searcher import Searcher
from rarefy.index.storage.segment import read_segment, write_segment
from rarefy.index.vectors import canonical, document_ids

__all__ = ["Index"]

BLOCK_SIZE = 4


class Index:
    """An inverted index over sparse vectors.

    Made by `Index.build` or `Index.open`. Search is exact: the true best k documents by the
    float32 dot product, ordered by score descending, then by row ascending. Safe to share between
    threads.
    """

    def __init__(
        self, layout: Layout, ids: list[str], *, vocabulary_size: int, block_size: int
    ) -> None:
        self._layout = layout
        self._ids = np.array(ids, dtype=object)
        self._rows: dict[str, int] | None = None
        self._vocabulary_size = vocabulary_size
        self._searcher = Searcher(layout, block_size)

    @classmethod
    def build(cls, vectors: Any, ids: Sequence[str] | None = None) -> Index:
        """Build an index over documents.

        Parameters
        ----------
        vectors
            scipy sparse matrix [n, vocabulary] of finite weights, none negative; used as float32.
        ids
            One unique string a document; "0".."n-1" by default.

        Raises
        ------
        InputTypeError
            If the vectors are no sparse matrix of numbers, or an id is no string.
        InputError
            If a weight is negative or not finite, or ids are too few, too many or not unique.
        """
        documents = canonical(vectors, what="document vectors")
        names = document_ids(ids, len(documents))
        return cls(
            build(documents, BLOCK_SIZE),
            names,
            vocabulary_size=documents.width,
            block_size=BLOCK_SIZE,
        )

    def search(self, queries: Any, k: int = 10) -> Hits:
        """Return the k documents with the highest dot product for each query.

        Parameters
        ----------
        queries
            scipy sparse matrix [m, vocabulary], or one query as a 1-d sparse array.
        k
            How many documents, at least 1. It may exceed the number of documents.

        Raises
        ------
        InputTypeError
            If the queries are no sparse matrix of numbers, or k is no integer.
        InputError
            If a weight is negative or not finite, the width is not the vocabulary size, or k < 1.
        """
        if isinstance(k, bool) or not isinstance(k, int | np.integer):
            raise InputTypeError(f"k must be an integer, got {k!r} of type {type(k).__name__}")
        if k < 1:
            raise InputError(f"k is {k}, expected at least 1: ask for one document or more")
        vectors = canonical(queries, width=self._vocabulary_size, what="query vectors")
        rows, scores = self._searcher.search(vectors, int(k))
        ids = np.full(rows.shape, None, dtype=object)
        found = rows >= 0
        ids[found] = self._ids[rows[found]]
        return Hits(ids, rows, scores)

    def explain(self, query: Any, id: str) -> list[tuple[int, float]]:
        """Return what each shared term adds to a document's score.

        Parameters
        ----------
        query
            One query, as for `search`.
        id
            A document's id.

        Returns
        -------
        list of (column, contribution)
            Largest contribution first, then by column; empty if no term is shared. Contributions
            are products in float64; their sum, rounded to float32, is the score.

        Raises
        ------
        InputError
            If there is no such id, or there is not exactly one query.
        """
        vectors = canonical(query, width=self._vocabulary_size, what="query vectors")
        if len(vectors) != 1:
            raise InputError(f"explain takes one query, got {len(vectors)}: pass one row")
        row = self.row_of(id)
        layout = self._layout
        entries = slice(layout.indptr[row], layout.indptr[row + 1])
        columns, of_query, of_document = np.intersect1d(
            vectors.columns,
            layout.columns[layout.terms[entries]],
            assume_unique=True,
            return_indices=True,
        )
        products = vectors.weights[of_query].astype(np.float64) * layout.weights[entries][
            of_document
        ].astype(np.float64)
        order = np.lexsort((columns, -products))
        return [(int(columns[i]), float(products[i])) for i in order]

    def row_of(self, id: str) -> int:
        """Return the insertion row of a document.

        Raises
        ------
        InputError
            If there is no such id.
        """
        if self._rows is None:
            self._rows = {name: row for row, name in enumerate(self._ids)}
        if id not in self._rows:
            raise InputError(f"no document has the id {id!r}: the index holds {len(self)} others")
        return self._rows[id]

    def save(self, folder: str | Path) -> None:
        """Write the index to a folder, which is replaced if it holds an index already.

        Raises
        ------
        InputError
            If the path exists and is not an index.
        """
        write_segment(
            Path(folder),
            self._layout,
            list(self._ids),
            vocabulary_size=self._vocabulary_size,
            block_size=self._searcher.block_size,
        )

    @classmethod
    def open(cls, folder: str | Path, *, verify: bool = True) -> Index:
        """Open a saved index, memory-mapped.

        Parameters
        ----------
        folder
            Where `save` wrote it.
        verify
            Read all bytes once and compare them with what was written. Without this, opening takes
            no time whatever the size, and a damaged file can crash the process.

        Raises
        ------
        InputError
            If the folder holds no index, or one of a newer format.
        DamagedIndexError
            If it is not what was written.
        """
        segment = read_segment(Path(folder), verify=verify)
        return cls(
            segment.layout,
            segment.ids,
            vocabulary_size=segment.vocabulary_size,
            block_size=segment.block_size,
        )

    @staticmethod
    def verify(folder: str | Path) -> None:
        """Check every byte of a saved index.

        Raises
        ------
        InputError
            If the folder holds no index, or one of a newer format.
        DamagedIndexError
            If it is not what was written.
        """
        read_segment(Path(folder), verify=True)

    @property
    def ids(self) -> list[str]:
        """The documents' ids, by insertion row."""
        return list(self._ids)

    @property
    def vocabulary_size(self) -> int:
        """How many columns vectors have."""
        return self._vocabulary_size

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays that search reads; ids are not counted."""
        return self._layout.nbytes

    def __len__(self) -> int:
        return len(self._ids)

    def __repr__(self) -> str:
        return (
            f"<Index of {len(self)} documents, {len(self._layout.terms)} postings, "
            f"vocabulary {self._vocabulary_size}>"
        )
