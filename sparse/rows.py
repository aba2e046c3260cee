"""Rows of a sparse matrix: stacked, cut, brought to unit length, packed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["Row", "heaviest", "pack", "stack", "unit", "unpack"]


class Row(NamedTuple):
    """One sparse vector: columns ascending, weights positive."""

    columns: NDArray[np.uint32]
    weights: NDArray[np.float32]


def stack(rows: Sequence[Row], width: int) -> sparse.csr_array:
    """Return the rows as float32 [len(rows), width]."""
    sizes = np.fromiter((len(row.columns) for row in rows), np.int64, len(rows))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    index = np.int32 if max(starts[-1], width) < 2**31 else np.int64
    columns = np.concatenate([np.zeros(0, index), *(row.columns for row in rows)], dtype=index)
    weights = np.concatenate([np.zeros(0, np.float32), *(row.weights for row in rows)])
    matrix = sparse.csr_array((weights, columns, starts.astype(index)), shape=(len(rows), width))
    matrix.has_sorted_indices = True
    return matrix


def pack(row: Row) -> bytes:
    """Return the row as bytes: all columns, then all weights."""
    return row.columns.tobytes() + row.weights.tobytes()


def unpack(packed: bytes) -> Row | None:
    """Return the row that :func:`pack` packed, or None if the length cannot be right."""
    if len(packed) % 8:
        return None
    half = len(packed) // 2
    return Row(np.frombuffer(packed[:half], np.uint32), np.frombuffer(packed[half:], np.float32))


def heaviest(
    rows: sparse.csr_array, limits: NDArray[np.integer] | int, worth: NDArray[np.floating]
) -> sparse.csr_array:
    """Keep the entries of each row that are worth most.

    Parameters
    ----------
    rows : [n, V]
    limits : int [n], or int
        How many entries a row keeps at most.
    worth : float [nnz]
        Of each entry; ties go by column.
    """
    count = rows.shape[0]
    places = np.repeat(np.arange(count), np.diff(rows.indptr))
    order = np.lexsort((rows.indices, -worth, places))
    rank = np.arange(rows.nnz) - rows.indptr[places]
    kept = np.sort(order[rank < np.broadcast_to(limits, count)[places]])
    starts = np.concatenate([[0], np.cumsum(np.bincount(places[kept], minlength=count))])
    return sparse.csr_array((rows.data[kept], rows.indices[kept], starts), shape=rows.shape)


def unit(rows: sparse.csr_array) -> sparse.csr_array:
    """Return the rows at unit length, float32; rows of zeros stay so."""
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    rows.data /= np.repeat(lengths, np.diff(rows.indptr)).astype(np.float32)
    return rows
