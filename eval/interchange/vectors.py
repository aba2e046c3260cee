"""Sparse vectors whose rows and columns have names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from rarefy.errors import InputError

__all__ = ["Columns", "Vectors", "align", "check_finite", "check_names", "impacts", "numbered"]

_LARGEST = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Vectors:
    """Sparse vectors with the names of their rows and columns.

    Parameters
    ----------
    ids
        One id for each row, unique.
    matrix
        CSR, float32[len(ids), V], indices sorted, weights finite.
    terms
        V names of the columns, unique; by default their numbers: ``"0"``, ``"1"``, ...
    """

    ids: list[str]
    matrix: csr_array
    terms: Sequence[str]


class Columns(dict[str, int]):
    """Term -> column; a new term gets the next column."""

    def __missing__(self, term: str) -> int:
        """Give `term` the next column."""
        column = self[term] = len(self)
        return column


def align(documents: Vectors, queries: Vectors) -> tuple[Vectors, Vectors]:
    """Put the vectors of documents and of queries over one vocabulary, the documents' first.

    Terms that only queries have keep their columns, which are empty in the documents.
    """
    if documents.terms == queries.terms:
        return documents, queries
    columns = Columns(zip(documents.terms, range(len(documents.terms)), strict=True))
    renamed = np.fromiter(
        map(columns.__getitem__, queries.terms), dtype=np.int64, count=len(queries.terms)
    )
    terms = list(columns)
    old, new = documents.matrix, queries.matrix
    wide = csr_array((old.data, old.indices, old.indptr), shape=(old.shape[0], len(terms)))
    moved = csr_array(
        (new.data, renamed[new.indices], new.indptr), shape=(new.shape[0], len(terms))
    )
    moved.sort_indices()
    return Vectors(documents.ids, wide, terms), Vectors(queries.ids, moved, terms)


def numbered(columns: int) -> list[str]:
    """Return the names of columns that have none: their numbers."""
    return [str(column) for column in range(columns)]


def impacts(path: str | Path, matrix: csr_array, scale: float | None) -> csr_array:
    """Round weights to the whole numbers that engines of integer impacts take.

    A weight w becomes the nearest whole number to ``scale * w`` (halves to even), so that
    ``impact / scale`` is within ``1 / (2 * scale)`` of w; those that become 0 are left out.

    Parameters
    ----------
    path
        What is being written, for the messages.
    matrix
        CSR, float32[n, V].
    scale
        Above 0. Anserini's own collections take 100; 1 keeps weights that are whole numbers.

    Returns
    -------
    csr_array
        int32[n, V], indices sorted, no stored zeros.

    Raises
    ------
    InputError
        If the scale is not a positive number, or an impact is negative or beyond 31 bits.
    """
    if scale is None or not (np.isfinite(scale) and scale > 0):
        raise InputError(f"{path}: scale is {scale}; expected a number above 0, such as 100")
    with np.errstate(over="ignore"):  # infinities are found below
        rounded = np.rint(matrix.data.astype(np.float64) * scale)
    wrong = np.flatnonzero(~((rounded >= 0) & (rounded <= _LARGEST)))
    if len(wrong):
        raise InputError(
            f"{path}: the weight {matrix.data[wrong[0]]} times {scale} cannot be an impact; "
            f"expected whole numbers from 0 to {_LARGEST}: choose another scale, and weights that "
            "are not negative"
        )
    whole = csr_array(
        (rounded.astype(np.int32), matrix.indices.copy(), matrix.indptr.copy()), shape=matrix.shape
    )
    whole.eliminate_zeros()
    whole.sort_indices()
    return whole


def check_names(path: str | Path, what: str, names: Sequence[str], count: int) -> None:
    """Raise an InputError unless there are `count` names, each once."""
    if len(names) != count:
        raise InputError(f"{path}: {len(names)} {what}; the matrix has {count}")
    if len(set(names)) < count:
        twice, _ = Counter(names).most_common(1)[0]
        raise InputError(f"{path}: {twice!r} occurs twice among the {what}; they must be unique")


def check_finite(path: str | Path, ids: Sequence[str], matrix: csr_array) -> None:
    """Raise an InputError that names the row of the first weight that is not finite."""
    wrong = np.flatnonzero(~np.isfinite(matrix.data))
    if len(wrong):
        row = int(np.searchsorted(matrix.indptr, wrong[0], side="right")) - 1
        raise InputError(
            f"{path}: the vector of {ids[row]!r} has the weight {matrix.data[wrong[0]]}; "
            "weights must be finite"
        )
