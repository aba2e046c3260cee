"""The index: sparse vectors in, ranked documents out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError
from rarefy.index.arguments import check_count, check_recall
from rarefy.index.hits import Hits
from rarefy.index.lookup import document_postings
from rarefy.index.merging import laid_out, merged
from rarefy.index.metadata import Metadata
from rarefy.index.part import Part
from rarefy.index.snapshot import Snapshot
from rarefy.index.storage import check
from rarefy.index.storage.folder import link, replace
from rarefy.index.storage.ids import Ids
from rarefy.index.storage.segment import Segment
from rarefy.index.vectors import canonical, document_ids

__all__ = ["Index"]


class Index:
    """An inverted index over sparse vectors.

    Made by `Index.build` or `Index.open`. Search is exact unless a recall is asked for: the true
    best k documents by the float32 dot product, ordered by score descending, then by row ascending.
    Safe to share between threads.
    """

    def __init__(self, snapshot: Snapshot, folder: Path | None = None, verify: bool = True) -> None:
        self._snapshot, self._folder, self._verify = snapshot, folder, verify
        self._refreshing = Lock()  # so that of two threads none goes back to what it found earlier

    @classmethod
    def build(
        cls,
        vectors: Any,
        ids: Sequence[str] | None = None,
        *,
        calibration_queries: Any = None,
        compact: bool = False,
        metadata: Any = None,
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
        metadata
            What filters ask for and `metadata` returns: a mapping from field to one value a
            document, a list of one mapping from field to value a document, or a table of Arrow,
            pandas or polars. A field is of int, float, str, bool, datetime or list of str; None and
            NaN are missing values; a datetime without a time zone is of UTC. Needs pyarrow.

        Raises
        ------
        InputTypeError
            If the vectors are no sparse matrix of numbers, an id is no string, or a field has
            values of another type or of several.
        InputError
            If a weight is negative or not finite, ids or values of a field are too few or too many,
            ids are not unique, or a field has a name that no filter can use.
        MissingExtraError
            If there is metadata and pyarrow is not installed.
        """
        documents = canonical(vectors, what="document vectors")
        names = document_ids(ids, len(documents))
        fields = None if metadata is None else Metadata.of(metadata, len(documents))
        segment = laid_out(documents, Ids.of(names), fields, compact=compact)
        index = cls(Snapshot([Part(segment)], documents.width))
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
        given = None
        if queries is not None:
            given = canonical(queries, width=self.vocabulary_size, what="calibration queries")
        self._snapshot.calibrate(given)

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
            bool[n], the documents that may be results; their ids; or a condition on the metadata,
            as text such as ``"year >= 2020 and lang in ('en', 'de')"`` or made of `field`. None for
            all.
        threads
            How many threads share the queries; it changes no result.

        Raises
        ------
        InputTypeError
            If the queries are no sparse matrix of numbers, k or threads is no integer, recall is no
            number, or the filter is no mask, no ids and no condition.
        InputError
            If a weight is negative or not finite, the width is not the vocabulary size, k or
            threads is below 1, recall is not in (0, 1], the mask has another length, an id is
            unknown, or the condition cannot be read or does not fit the metadata.
        """
        check_count("k", k)
        check_count("threads", threads)
        check_recall(recall)
        snapshot = self._snapshot
        vectors = canonical(queries, width=snapshot.vocabulary_size, what="query vectors")
        allowed = None if filter is None else snapshot.mask(filter)
        return snapshot.search(vectors, int(k), recall, allowed, int(threads))

    def mask(self, filter: Any) -> npt.NDArray[np.bool_]:
        """Return the documents that a filter keeps, to count them or to search several times.

        Parameters
        ----------
        filter
            As for `search`.

        Returns
        -------
        bool[n]
            By row; a filter for `search` too.

        Raises
        ------
        InputTypeError, InputError
            As `search` does.
        """
        return self._snapshot.mask(filter)

    def metadata(
        self, ids: Iterable[str | None], fields: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """Return what the index holds of documents beside their vectors.

        Parameters
        ----------
        ids
            Ids of documents, such as a row of `Hits.ids`; None, where fewer than k were found, has
            no values.
        fields
            Which fields; by default all.

        Returns
        -------
        list of dict
            For each id, a value a field: None if it is missing; a datetime is of UTC.

        Raises
        ------
        InputError
            If there is no such id or field.
        """
        return self._snapshot.records(ids, fields)

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the metadata and their types, such as ``{"year": "int"}``."""
        return self._snapshot.fields

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
        vectors = canonical(query, width=self.vocabulary_size, what="query vectors")
        if len(vectors) != 1:
            raise InputError(f"explain takes one query, got {len(vectors)}: pass one row")
        snapshot = self._snapshot
        part, place = snapshot.part_of(snapshot.row_of(id))
        columns, of_document = document_postings(part.segment.layout, int(part.rows[place]))
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
        return self._snapshot.row_of(id)

    def save(self, folder: str | Path) -> None:
        """Write the index to a folder, which is replaced if it holds an index already.

        Raises
        ------
        InputError
            If the path exists and is not an index.
        """
        replace(Path(folder), self._segment())

    def _segment(self) -> Segment:
        """Return what is stored: the one part, or what the parts make."""
        parts = self._snapshot.parts  # once: another thread may refresh
        if len(parts) == 1 and parts[0].alive is None:
            return parts[0].segment._replace(table=parts[0].table)
        part = Part(merged(parts, self.vocabulary_size))
        part.calibrate(None)
        return part.segment._replace(table=part.table)

    def snapshot(self, folder: str | Path) -> None:
        """Keep the commit that is open under a new folder, without copying its arrays.

        The folder's files are second names (hard links) of the same files, which never change: it
        takes no time, and room only once the index has moved on.

        Parameters
        ----------
        folder
            A new folder on the same file system.

        Raises
        ------
        InputError
            If the folder holds anything, or is on another file system; the index was not opened
            from a folder; or the commit's files are gone as there are newer ones.
        """
        manifest = self._snapshot.manifest
        if self._folder is None or manifest is None:
            raise InputError("the index is in memory alone: use save")
        link(self._folder, manifest, Path(folder))

    @classmethod
    def open(cls, folder: str | Path, *, verify: bool = True) -> Index:
        """Open a saved index, memory-mapped.

        Parameters
        ----------
        folder
            Where `save` wrote it.
        verify
            Read all bytes once, in `refresh` those of new files, and compare them with what was
            written. Without this both take no time whatever the size, and a damaged file can crash
            the process.

        Raises
        ------
        InputError
            If the folder holds no index, or one of a newer format.
        DamagedIndexError
            If it is not what was written.
        """
        return cls(Snapshot.open(Path(folder), verify=verify), Path(folder), verify)

    def refresh(self) -> bool:
        """Move to the newest commit of the folder that the index was opened from.

        Segments that are open already are used again. Searches that are running end on what they
        began with.

        Returns
        -------
        bool
            Whether there was a newer commit.

        Raises
        ------
        InputError
            If the index was not opened from a folder, or the folder holds none any more.
        DamagedIndexError
            If a new file is not what was written.
        """
        if self._folder is None:
            raise InputError("the index is in memory alone: open it from a folder to refresh it")
        with self._refreshing:
            before = self._snapshot
            self._snapshot = Snapshot.open(self._folder, verify=self._verify, known=before)
            return self._snapshot is not before

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
        check.verify(Path(folder))

    @staticmethod
    def repair(folder: str | Path) -> list[str]:
        """Drop what is lost of a damaged index, so that what is left can be opened.

        Returns
        -------
        list of str
            What was dropped, a line each; empty if the index was sound.

        Raises
        ------
        InputError
            If the folder holds no index, or one of another format, or it is being written.
        DamagedIndexError
            If nothing is left of it.
        """
        return check.repair(Path(folder))

    @property
    def ids(self) -> list[str]:
        """The documents' ids, by row."""
        return [name for part in self._snapshot.parts for name in part.names]

    @property
    def vocabulary_size(self) -> int:
        """How many columns vectors have."""
        return self._snapshot.vocabulary_size

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays that search reads; ids are not counted."""
        return sum(part.segment.layout.nbytes for part in self._snapshot.parts)

    def __len__(self) -> int:
        return len(self._snapshot)

    def __repr__(self) -> str:
        postings = sum(int(part.segment.layout.indptr[-1]) for part in self._snapshot.parts)
        return (
            f"<Index of {len(self)} documents, {postings} postings, "
            f"vocabulary {self.vocabulary_size}>"
        )
