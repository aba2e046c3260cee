"""Sparse vectors on their way in: checked once, then canonical.

Every public entry of the index passes through here, so that the rest may rely on it: float32
weights that are finite and positive, columns sorted and unique within a row, no explicit zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse

from rarefy.errors import InputError, InputTypeError
from rarefy.index.compilation import kernel

__all__ = [
    "MAX_COLUMNS",
    "MAX_ROWS",
    "Vectors",
    "canonical",
    "deleted_ids",
    "document_ids",
    "identified",
]

CANONICAL, USABLE, MALFORMED = 0, 1, 2
MAX_ROWS = 2**31 - 1
MAX_COLUMNS = 2**32 - 1


class Vectors(NamedTuple):
    """Sparse row vectors in canonical form.

    Attributes
    ----------
    indptr : int64[n + 1]
        Row ``i`` has the entries ``indptr[i]:indptr[i + 1]`` of the two arrays below.
    columns : uint32[nnz]
        Strictly increasing within a row.
    weights : float32[nnz]
        Finite and greater than zero.
    width : int
        The vocabulary size; every column is below it.
    """

    indptr: npt.NDArray[np.int64]
    columns: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.float32]
    width: int

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def row(self, i: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """Return the columns and the weights of row ``i``."""
        entries = slice(self.indptr[i], self.indptr[i + 1])
        return self.columns[entries], self.weights[entries]

    def between(self, start: int, end: int) -> Vectors:
        """Return the rows from `start` to before `end`; those that are not there are none."""
        indptr = self.indptr[start : end + 1]
        entries = slice(indptr[0], indptr[-1])
        return Vectors(indptr - indptr[0], self.columns[entries], self.weights[entries], self.width)

    def copied(self) -> Vectors:
        """Return the same in arrays that can be written: kernels are compiled for such alone."""
        return Vectors(self.indptr.copy(), self.columns.copy(), self.weights.copy(), self.width)


def canonical(matrix: Any, *, width: int | None = None, what: str = "vectors") -> Vectors:
    """Check a sparse matrix and bring it into canonical form.

    Parameters
    ----------
    matrix
        A scipy sparse matrix or array [n, vocabulary] (or one row as a 1-d sparse array) of real
        numbers. Columns may be unsorted and weights zero; entries given twice are added up. It is
        not changed.
    width
        The vocabulary size that is expected; None takes the matrix's own.
    what
        What to call the matrix in an error.

    Raises
    ------
    InputTypeError
        If it is no scipy sparse matrix or its weights are no real numbers.
    InputError
        If a weight is negative or not finite, the width differs, or it is too large.
    """
    if not scipy.sparse.issparse(matrix):
        texts = isinstance(matrix, list | tuple) and any(isinstance(each, str) for each in matrix)
        remedy = "encode texts with a model first"
        if not isinstance(matrix, str) and not texts:
            remedy = "convert it with scipy.sparse.csr_array(...)"
        raise InputTypeError(
            f"{what} must be a scipy.sparse matrix or array, got {type(matrix).__name__}: {remedy}"
        )
    if matrix.dtype.kind not in "fiub":
        raise InputTypeError(
            f"{what} must hold real numbers (float32 is used), got dtype {matrix.dtype}"
        )
    if matrix.ndim == 1:
        matrix = matrix.reshape(1, -1)
    rows, columns = matrix.shape
    if width is not None and columns != width:
        raise InputError(
            f"{what} have {columns} columns, the index has a vocabulary of {width}: "
            f"encode both with the same model"
        )
    if rows > MAX_ROWS or columns > MAX_COLUMNS:
        raise InputError(
            f"{what} of shape {matrix.shape} are too large: at most {MAX_ROWS} rows and "
            f"{MAX_COLUMNS} columns fit in one index"
        )
    csr = matrix.tocsr()
    state = _state(csr.indptr, csr.indices, csr.data, columns)
    if state == MALFORMED:
        raise InputError(
            f"{what} are no valid CSR matrix: indptr must not decrease and columns must lie in "
            f"0..{columns - 1}; see scipy's check_format(full_check=True)"
        )
    if state == CANONICAL and csr.dtype == np.float32:
        return _vectors(csr.indptr, csr.indices, csr.data, columns)
    if state != CANONICAL:
        csr = csr.copy()
        csr.has_canonical_format = False  # the flag may be older than the arrays
        csr.sum_duplicates()
        csr.prune()
    with np.errstate(over="ignore", under="ignore"):
        weights = np.asarray(csr.data, dtype=np.float32)
    _check_weights(csr.data, weights, csr.indptr, what)
    indptr, indices = csr.indptr, csr.indices
    if len(weights) and weights.min() == 0:
        kept = weights != 0
        indptr = np.concatenate([[0], np.cumsum(kept)])[indptr]
        indices, weights = indices[kept], weights[kept]
    return _vectors(indptr, indices, weights, columns)


def _vectors(indptr: Any, indices: Any, weights: Any, width: int) -> Vectors:
    columns = np.ascontiguousarray(indices)
    return Vectors(
        np.ascontiguousarray(indptr, dtype=np.int64),
        columns.view(np.uint32) if columns.dtype == np.int32 else columns.astype(np.uint32),
        np.ascontiguousarray(weights, dtype=np.float32),
        int(width),
    )


@kernel
def _state(indptr: Any, indices: Any, weights: Any, width: int) -> int:
    """Return CANONICAL, MALFORMED, or USABLE for what is neither."""
    if indptr[0] != 0 or indptr[-1] > indices.size or indices.size != weights.size:
        return MALFORMED
    for row in range(indptr.size - 1):
        if indptr[row + 1] < indptr[row]:
            return MALFORMED
    for p in range(indptr[-1]):
        if indices[p] < 0 or indices[p] >= width:
            return MALFORMED
    if indptr[-1] != indices.size:
        return USABLE
    for row in range(indptr.size - 1):
        last = -1
        for p in range(indptr[row], indptr[row + 1]):
            if indices[p] <= last or not (weights[p] > 0 and weights[p] < np.inf):
                return USABLE
            last = indices[p]
    return CANONICAL


def _check_weights(given: Any, weights: Any, indptr: Any, what: str) -> None:
    """Raise InputError at the first weight that is negative or not finite as float32."""
    if not len(weights) or (weights.min() >= 0 and np.isfinite(weights.max())):
        return  # a NaN fails the first comparison
    at = int(np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))[0])
    row = int(np.searchsorted(indptr, at, side="right")) - 1
    raise InputError(
        f"{what}: row {row} has the weight {given[at]}; weights must be finite in float32 and not "
        f"negative: drop or clip such entries before"
    )


def document_ids(ids: Sequence[str] | None, rows: int) -> list[str]:
    """Check the documents' ids: one unique string a row; None numbers the rows.

    Raises
    ------
    InputTypeError
        If an id is no string, or ids is itself one string.
    InputError
        If there are more or fewer ids than rows, or one occurs twice.
    """
    if ids is None:
        return [str(row) for row in range(rows)]
    if isinstance(ids, str):
        raise InputTypeError(f"ids must be a sequence of strings, got one string {ids!r}")
    ids = list(ids)
    if len(ids) != rows:
        raise InputError(f"{len(ids)} ids were given for {rows} documents: give one id a document")
    for row, name in enumerate(ids):
        if not isinstance(name, str):
            raise InputTypeError(
                f"ids[{row}] is {name!r} of type {type(name).__name__}; ids must be str: "
                f"convert them with str(...)"
            )
    if len(set(ids)) < rows:
        first: dict[str, int] = {}
        for row, name in enumerate(ids):
            if name in first:
                raise InputError(
                    f"id {name!r} is given to row {first[name]} and to row {row}: "
                    f"ids must be unique"
                )
            first[name] = row
    return ids


def identified(ids: Any, matrix: Any, width: int) -> tuple[list[str], Vectors]:
    """Check documents that are to be added, of which each has an id; see `canonical`.

    Raises
    ------
    InputTypeError, InputError
        As `canonical` and `document_ids` do, and if there are no ids.
    """
    documents = canonical(matrix, width=width, what="document vectors")
    if ids is None:
        raise InputTypeError("ids is None; expected one unique string a document")
    return document_ids(ids, len(documents)), documents


def deleted_ids(ids: Sequence[str]) -> list[str]:
    """Check the ids of documents that are to go, and return each once.

    Raises
    ------
    InputTypeError
        If an id is no string, or ids is itself one string.
    """
    if isinstance(ids, str):
        raise InputTypeError(f"ids must be a sequence of strings, got one string {ids!r}")
    once = list(dict.fromkeys(ids))
    return document_ids(once, len(once))
