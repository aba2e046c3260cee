"""The index: sparse vectors in, ranked documents out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError, InputTypeError
from rarefy.index.build import build
from rarefy.index.filters import allowed_rows
from rarefy.index.hits import Hits
from rarefy.index.layout import Layout
from rarefy.index.lookup import document_postings
from rarefy.index.planner import LEAST_DOCUMENTS, Calibration, calibrate, plans, sample_queries
from rarefy.index.searcher import Searcher
from rarefy.index.storage.segment import read_segment, write_segment
from rarefy.index.vectors import canonical, document_ids

__all__ = ["Index"]

MOST_PLANS = 1000
"""Plans that are kept so as not to look them up again."""
BLOCK_SIZES = ((3 * 2**16, 1), (2**19, 2))
"""Documents up to which a block size is the fastest; beyond the last it is 4."""
CHAMPIONS = 4096
"""How many each term has, at most, in collections so large that blocks are of 4."""


class Index:
    """An inverted index over sparse vectors.

    Made by `Index.build` or `Index.open`. Search is exact unless a recall is asked for: the true
    best k documents by the float32 dot product, ordered by score descending, then by row ascending.
    Safe to share between threads.
    """

    def __init__(
        self,
        layout: Layout,
        ids: list[str],
        *,
        vocabulary_size: int,
        block_size: int,
        table: Sequence[Calibration] = (),
    ) -> None:
        self._layout = layout
        self._ids = np.array([*ids, None], dtype=object)  # row -1 has the id None
        self._rows: dict[str, int] | None = None
        self._vocabulary_size = vocabulary_size
        self._searcher = Searcher(layout, block_size)
        self._fit(table)

    @classmethod
    def build(
        cls,
        vectors: Any,
        ids: Sequence[str] | None = None,
        *,
        calibration_queries: Any = None,
        compact: bool = False,
    ) -> Index:
        """Build an index over documents.

        Parameters
        ----------
        vectors
            scipy sparse matrix [n, vocabulary] of finite weights, none negative; used as float32.
        ids
            One unique string a document; "0".."n-1" by default.
        calibration_queries
            scipy sparse matrix [m, vocabulary]: what ``search(recall=...)`` is fitted to. By
            default queries are made of the heaviest terms of 256 documents.
        compact
            Keep weights in 8 bits, rounded to the nearest of 255 steps up to the largest weight of
            their term: less than half the memory, exact search over the rounded weights, slower
            (most for k above 100), and always exact whatever recall is asked for.

        Raises
        ------
        InputTypeError
            If the vectors are no sparse matrix of numbers, or an id is no string.
        InputError
            If a weight is negative or not finite, or ids are too few, too many or not unique.
        """
        documents = canonical(vectors, what="document vectors")
        names = document_ids(ids, len(documents))
        block_size = next((size for most, size in BLOCK_SIZES if len(documents) <= most), 4)
        if compact:
            block_size = 1
        champions = CHAMPIONS if block_size == 4 else 0
        index = cls(
            build(documents, block_size, compact=compact, champions=champions),
            names,
            vocabulary_size=documents.width,
            block_size=block_size,
        )
        index.calibrate(calibration_queries)
        return index

    def calibrate(self, queries: Any = None) -> None:
        """Fit ``search(recall=...)`` to queries; the fitted table is saved with the index.

        A compact index has nothing to fit: it is always searched exactly.

        Parameters
        ----------
        queries
            scipy sparse matrix [m, vocabulary], a few hundred rows; by default they are made of
            documents.

        Raises
        ------
        InputTypeError
            If the queries are no sparse matrix of numbers.
        InputError
            If a weight is negative or not finite, or the width is not the vocabulary size.
        """
        layout, block_size = self._layout, self._searcher.block_size
        if queries is not None:
            given = canonical(queries, width=self._vocabulary_size, what="calibration queries")
        if layout.compact:
            self._fit([])
        elif queries is not None:
            self._fit(calibrate(layout, block_size, given))
        elif len(self) >= LEAST_DOCUMENTS:
            sampled, rows = sample_queries(layout, self._vocabulary_size, np.random.default_rng(0))
            self._fit(calibrate(layout, block_size, sampled, rows))

    def _fit(self, table: Sequence[Calibration]) -> None:
        """Replace the table, and the plans that were looked up in the one before."""
        known: dict[tuple[int, float | None], npt.NDArray[np.float64]] = {}
        self._fitted = list(table), known

    def search(
        self,
        queries: Any,
        k: int = 10,
        *,
        recall: float | None = None,
        filter: Any = None,
        threads: int = 1,
    ) -> Hits:
        """Return the k documents with the highest dot product for each query.

        Parameters
        ----------
        queries
            scipy sparse matrix [m, vocabulary], or one query as a 1-d sparse array.
        k
            How many documents, at least 1. It may exceed the number of documents.
        recall
            None or 1 for an exact search. Otherwise what share of the exact results must be found
            in the mean over queries like those of the calibration; the rest may be others. Scores
            are exact all the same.
        filter
            bool[n], the documents that may be results, or their ids; None for all.
        threads
            How many threads share the queries; it changes no result.

        Raises
        ------
        InputTypeError
            If the queries are no sparse matrix of numbers, k or threads is no integer, recall is no
            number, or the filter is neither a mask nor ids.
        InputError
            If a weight is negative or not finite, the width is not the vocabulary size, k or
            threads is below 1, recall is not in (0, 1], the mask has another length, or an id is
            unknown.
        """
        _check_count("k", k)
        _check_count("threads", threads)
        _check_recall(recall)
        vectors = canonical(queries, width=self._vocabulary_size, what="query vectors")
        allowed = None if filter is None else allowed_rows(filter, len(self), self.row_of)
        n_allowed = len(self) if allowed is None else int(np.count_nonzero(allowed))
        chosen = self._plans_for(int(k), recall, n_allowed)
        rows, scores = self._searcher.search(vectors, int(k), chosen, allowed, int(threads))
        return Hits(self._ids[rows], rows, scores)

    def _plans_for(self, k: int, recall: float | None, n_allowed: int) -> npt.NDArray[np.float64]:
        """Return the settings; without a filter they are looked up once."""
        table, known = self._fitted
        if n_allowed < len(self):
            return plans(table, k, recall, len(self), n_allowed)
        chosen = known.get((k, recall))
        if chosen is None:
            chosen = plans(table, k, recall, len(self), n_allowed)
            if len(known) < MOST_PLANS:
                known[k, recall] = chosen
        return chosen

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
        columns, of_document = document_postings(self._layout, row)
        columns, of_query, places = np.intersect1d(
            vectors.columns, columns, assume_unique=True, return_indices=True
        )
        products = vectors.weights[of_query].astype(np.float64) * of_document[places].astype(
            np.float64
        )
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
            self._rows = {name: row for row, name in enumerate(self.ids)}
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
            self.ids,
            vocabulary_size=self._vocabulary_size,
            block_size=self._searcher.block_size,
            table=self._fitted[0],
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
            table=segment.table,
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
        return list(self._ids[:-1])

    @property
    def vocabulary_size(self) -> int:
        """How many columns vectors have."""
        return self._vocabulary_size

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays that search reads; ids are not counted."""
        return self._layout.nbytes

    def __len__(self) -> int:
        return len(self._ids) - 1

    def __repr__(self) -> str:
        return (
            f"<Index of {len(self)} documents, {self._layout.indptr[-1]} postings, "
            f"vocabulary {self._vocabulary_size}>"
        )


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputTypeError(
            f"{name} must be an integer, got {value!r} of type {type(value).__name__}"
        )
    if value < 1:
        raise InputError(f"{name} is {value}, expected at least 1: ask for one or more")


def _check_recall(recall: Any) -> None:
    if recall is None:
        return
    if isinstance(recall, bool) or not isinstance(recall, int | float | np.number):
        raise InputTypeError(
            f"recall must be a number in (0, 1] or None, got {recall!r} of type "
            f"{type(recall).__name__}"
        )
    if not 0 < recall <= 1:
        raise InputError(f"recall is {recall}, expected a number in (0, 1]: 1 is an exact search")
