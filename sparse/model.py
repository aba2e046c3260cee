"""Texts to sparse vectors over a vocabulary: what every model of this package can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self

import numpy as np
from scipy import sparse

from rarefy.errors import InputError
from rarefy.sparse.texts import Advance, checked, distinct, progress_bar
from rarefy.sparse.vocabulary import Vocabulary

__all__ = ["Role", "TermModel"]

Role = Literal["query", "document"]

_BLOCK = 8192  # texts between two pieces of the result: what bounds the memory besides it


class TermModel(ABC):
    """A model that gives each text a weight for some terms of a vocabulary.

    Attributes
    ----------
    name : str
        What the model is called in tables.
    """

    name: str

    @property
    @abstractmethod
    def computed(self) -> int:
        """Texts encoded so far, without those whose vectors a cache held."""

    @property
    @abstractmethod
    def vocabulary(self) -> Vocabulary:
        """The terms of the columns."""

    @property
    def vocabulary_size(self) -> int:
        """Number of columns."""
        return len(self.vocabulary)

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes when the vectors of some text would."""

    @property
    def pictured(self) -> frozenset[Role]:
        """The roles, if any, whose items are names of pictures, not texts.

        A name is what :func:`rarefy.sparse.encoders.pictures.picture_path` takes.
        """
        return frozenset()

    @property
    def fitted(self) -> bool:
        """Whether it can encode as it is.

        False for a model that should see the documents of the collection first, with ``fit``, for
        its weights rest on their statistics, and that has not. What encodes or indexes a
        collection fits such a model to it.
        """
        return True

    @abstractmethod
    def fit(self, texts: Iterable[str], *, progress: bool = False) -> Self:
        """Take what the model can take from texts, and return the model itself."""

    @abstractmethod
    def save(self, folder: str | Path) -> None:
        """Write the model to a folder that :func:`rarefy.load` reads."""

    @abstractmethod
    def _encode(
        self, texts: list[str], role: Role, batch_size: int | None, advance: Advance
    ) -> sparse.csr_array:
        """Encode distinct texts, perhaps none; float32 [n, V], sorted columns, no stored zeros."""

    def encode_documents(
        self, texts: Iterable[str], *, batch_size: int | None = None, progress: bool = False
    ) -> sparse.csr_array:
        """Encode documents.

        Parameters
        ----------
        texts
            n texts. An empty one gets a row of zeros; one that is longer than the model's input
            is cut there; one that occurs twice is encoded once. A lone surrogate, which no UTF-8
            text can hold, is read as ``?``.
        batch_size
            Texts a forward pass; by default the model's own choice. It changes speed alone.
        progress
            Whether to show a progress bar on stderr.

        Returns
        -------
        scipy.sparse.csr_array
            float32 [n, vocabulary_size], columns sorted in each row, no stored zeros.

        Raises
        ------
        InputTypeError
            If `texts` is one string or holds anything but strings.
        """
        return self._rows(texts, "document", batch_size, progress)

    def encode_queries(
        self, texts: Iterable[str], *, batch_size: int | None = None, progress: bool = False
    ) -> sparse.csr_array:
        """Encode queries; see :meth:`encode_documents`."""
        return self._rows(texts, "query", batch_size, progress)

    def explain(self, row: sparse.sparray, k: int = 10) -> list[tuple[str, float]]:
        """Name the heaviest terms of one vector.

        Parameters
        ----------
        row
            One vector [V], or a matrix [1, V], sparse or dense.
        k
            Number of terms at most.

        Returns
        -------
        list of (term, weight)
            Heaviest first, ties by column.
        """
        if k < 1:
            raise InputError(f"k is {k}; expected a number of terms of at least 1")
        vector = sparse.coo_array(row)
        if vector.shape[-1] != self.vocabulary_size or vector.shape[:-1] not in ((), (1,)):
            raise InputError(
                f"row has the shape {vector.shape}; expected one vector of this model, "
                f"({self.vocabulary_size},) or (1, {self.vocabulary_size})"
            )
        columns, weights = vector.coords[-1], vector.data
        heaviest = np.lexsort((columns, -weights))[:k]
        terms = self.vocabulary.terms
        return [(terms[columns[i]], float(weights[i])) for i in heaviest]

    def decode(self, matrix: sparse.sparray, k: int = 10) -> list[list[tuple[str, float]]]:
        """Name the heaviest terms of each row of a matrix; see :meth:`explain`."""
        rows = sparse.csr_array(matrix)
        return [self.explain(rows[[i]], k) for i in range(rows.shape[0])]

    def spans(self, text: str) -> list[tuple[int, int, int]]:
        """Return where a text itself has terms of the vocabulary, to highlight those that matched.

        Parameters
        ----------
        text
            A document.

        Returns
        -------
        list of (start, end, column)
            A word's first character, the one after its last, and a column that it stands for, in
            the order of the text; a word of several pieces occurs once for each. Empty if columns
            are no words.
        """
        return []

    def _rows(
        self, texts: Iterable[str], role: Role, batch_size: int | None, progress: bool
    ) -> sparse.csr_array:
        if batch_size is not None and batch_size < 1:
            raise InputError(f"batch_size is {batch_size}; expected at least 1")
        uniques, inverse = distinct(checked(texts))
        with progress_bar(len(uniques), progress) as advance:
            blocks = [
                self._block(uniques[start : start + _BLOCK], role, batch_size, advance)
                for start in range(0, len(uniques), _BLOCK)
            ]
        if not blocks:
            return sparse.csr_array((0, self.vocabulary_size), dtype=np.float32)
        rows = blocks[0] if len(blocks) == 1 else sparse.vstack(blocks, format="csr")
        return rows if len(uniques) == len(inverse) else rows[inverse]

    def _block(
        self, texts: list[str], role: Role, batch_size: int | None, advance: Advance
    ) -> sparse.csr_array:
        """Encode distinct texts; those of white space alone get a row of zeros."""
        filled = np.array([bool(text.strip()) for text in texts])
        rows = self._encode([text for text in texts if text.strip()], role, batch_size, advance)
        if filled.all():
            return rows
        sizes = np.zeros(len(texts), dtype=rows.indptr.dtype)
        sizes[filled] = np.diff(rows.indptr)
        starts = np.concatenate([[0], np.cumsum(sizes)], dtype=rows.indptr.dtype)
        return sparse.csr_array(
            (rows.data, rows.indices, starts), shape=(len(texts), self.vocabulary_size)
        )
