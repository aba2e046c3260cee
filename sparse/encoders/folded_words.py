"""The words of a text with BM25's weights: the lexical part of a union."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rarefy.errors import InputError
from rarefy.sparse.folding import folded_pieces
from rarefy.sparse.lexical import BM25
from rarefy.sparse.model import Role
from rarefy.sparse.rows import heaviest, unit

__all__ = ["GENERAL_DOCUMENTS", "FoldedWords"]

GENERAL_DOCUMENTS = 10
"""How many documents of general text count beside those of a collection that is fitted to."""


class FoldedWords:
    """Word-pieces with one column for all forms of a word, weighted by BM25 and cut.

    A query holds ``qtf idf`` at unit length, a document ``weight tf / (tf + ...)``: see
    :class:`BM25`.

    Parameters
    ----------
    tokenizer
        A fast tokenizer with V pieces.
    fold : int [V]
        The column that stands for each piece, or -1: see :mod:`rarefy.sparse.folding`.
    documents, average_length, document_frequencies : int, float, int64 [V]
        Statistics of general text: what weights rest on until :meth:`fit`.
    weight
        How much the words count beside the other part of the vector.
    query_words, document_words
        Words of a query and of a document at most: those of the greatest weight times IDF.

    Raises
    ------
    InputError
        If a number is out of range, or the tables are not of V entries.
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        fold: NDArray[np.integer],
        documents: int,
        average_length: float,
        document_frequencies: NDArray[np.integer],
        weight: float,
        query_words: int,
        document_words: int,
    ) -> None:
        if not (weight > 0 and query_words >= 1 and document_words >= 1):
            raise InputError(
                f"weight={weight}, query_words={query_words}, document_words={document_words}; "
                "expected numbers above 0"
            )
        self.weight = weight
        self.query_words = query_words
        self.document_words = document_words
        self.fold = np.asarray(fold)
        self._analyzer = folded_pieces(tokenizer, self.fold)
        self._general = self._of(documents, average_length, document_frequencies)
        self._bm25 = self._general

    @property
    def vocabulary_size(self) -> int:
        """Number of columns V."""
        return len(self.fold)

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes when the weights of some text would."""
        settings = [self.weight, self.query_words, self.document_words]
        digest = hashlib.sha256(f"{json.dumps(settings)} {self._bm25.fingerprint}".encode())
        digest.update(self.fold.tobytes())
        return digest.hexdigest()

    def fit(self, texts: list[str]) -> None:
        """Take statistics from the documents of a collection.

        General text counts as `GENERAL_DOCUMENTS` more, so that a handful of documents does not
        decide alone what is rare.
        """
        own = BM25(self._analyzer).fit(texts).statistics()
        general = self._general.statistics()
        documents = own["documents"] + GENERAL_DOCUMENTS
        length = own["documents"] * own["average_length"]
        length += GENERAL_DOCUMENTS * general["average_length"]
        share = general["document_frequencies"] / general["documents"]
        frequencies = own["document_frequencies"] + np.rint(GENERAL_DOCUMENTS * share)
        self._bm25 = self._of(documents, length / documents, frequencies)

    def general(self) -> dict[str, Any]:
        """Return the statistics of general text, as the constructor takes them."""
        return self._general.statistics()

    def statistics(self) -> dict[str, Any]:
        """Return the statistics that weights rest on, as :meth:`restore` takes them."""
        return self._bm25.statistics()

    def restore(
        self, documents: int, average_length: float, document_frequencies: NDArray[np.integer]
    ) -> None:
        """Take statistics that :meth:`statistics` returned.

        Raises
        ------
        InputError
            If they are of another number of columns.
        """
        self._bm25 = self._of(documents, average_length, document_frequencies)

    def encode(self, texts: list[str], role: Role) -> sparse.csr_array:
        """Weigh the words of distinct texts; float32 [n, V]."""
        if role == "query":
            rows = self._bm25.encode_queries(texts)
            return unit(heaviest(rows, self.query_words, rows.data))
        rows = self._bm25.encode_documents(texts)
        rows = heaviest(rows, self.document_words, rows.data * self._bm25.idf[rows.indices])
        rows.data *= np.float32(self.weight)
        return rows

    def _of(self, documents: Any, length: Any, frequencies: NDArray[Any]) -> BM25:
        return BM25.from_statistics(self._analyzer, documents, length, frequencies)
