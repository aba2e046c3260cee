"""The arrays of one searchable index."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["PADDING", "WINDOW", "Array", "Layout", "padded"]

Array = npt.NDArray[Any]
"""An array whose dtype the docstring gives; kernels are compiled for the dtypes they are given."""

WINDOW = 65_536
"""Blocks that one window of accumulators covers: their local numbers fit in 16 bits."""
PADDING = 128
"""Accumulators are a multiple of this many: two halves of 64 lanes."""


def padded(n_blocks: int) -> int:
    """Return nb."""
    return -(-n_blocks // PADDING) * PADDING


class Layout(NamedTuple):
    """Postings twice: by document (exact scores) and by term over blocks of documents (bounds).

    A term here is a number 0..T-1 that stands for a column, so that arrays over terms are as long
    as the collection needs, whatever the vocabulary's size. A block is `block_size`
    consecutive rows; a window is `WINDOW` consecutive blocks. nb is the number of blocks, rounded
    up to a multiple of 128.

    Attributes
    ----------
    columns : uint32[T]
        The column of each term; the most frequent term is 0.
    by_column : uint32[T]
        The terms in the order of their columns.
    scales : float64[T]
        Weight that one unit of a term's code stands for.
    indptr : int64[n + 1]
        Row ``i`` has the postings ``indptr[i]:indptr[i + 1]`` of the three arrays below.
    terms : uint16[nnz] or uint32[nnz]
        In the order of the columns within a row; 16 bits where T allows.
    codes : uint8[nnz]
        Weights rounded up, in units of the term's scale; none where blocks are single documents,
        which the maxima bound as well.
    weights : float32[nnz]
        The weights as given.
    dense_rows : int32[T]
        Row of `dense_maxima` that the term has, or -1.
    dense_maxima : uint8[d, nb / 2]
        The largest code in each block, for terms that occur in many blocks, in steps of 17: a byte
        holds the steps of block i of its window's first half in its lower four bits, and of block i
        of the second half in the upper four.
    dense_codes : uint8[d, n] or uint8[0, 0]
        In a compact layout the code in each document of the terms that have a dense row. Such a
        layout has blocks of single documents, and no terms, codes and weights: a weight is the
        code times the scale, as float32.
    list_ptr : int64[windows * T + 1]
        In window v, term t has the entries ``list_ptr[v * T + t]:list_ptr[v * T + t + 1]`` of the
        two arrays below; none if it has a dense row.
    list_blocks : uint16[e]
        Blocks in which the term occurs, counted from the window's first.
    list_maxima : uint8[e]
        The largest code in that block.
    champion_ptr : int64[T + 1] or int64[0]
        Term t has the entries ``champion_ptr[t]:champion_ptr[t + 1]`` of the two arrays below.
        Small collections have none of the three.
    champion_rows : uint32[c]
        Of each term the documents with the heaviest postings, ordered by row.
    champion_codes : uint8[c]
        Their codes.
    """

    columns: npt.NDArray[np.uint32]
    by_column: npt.NDArray[np.uint32]
    scales: npt.NDArray[np.float64]
    indptr: npt.NDArray[np.int64]
    terms: npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
    codes: npt.NDArray[np.uint8]
    weights: npt.NDArray[np.float32]
    dense_rows: npt.NDArray[np.int32]
    dense_maxima: npt.NDArray[np.uint8]
    dense_codes: npt.NDArray[np.uint8]
    list_ptr: npt.NDArray[np.int64]
    list_blocks: npt.NDArray[np.uint16]
    list_maxima: npt.NDArray[np.uint8]
    champion_ptr: npt.NDArray[np.int64]
    champion_rows: npt.NDArray[np.uint32]
    champion_codes: npt.NDArray[np.uint8]

    @property
    def compact(self) -> bool:
        """Whether weights are codes."""
        return self.dense_codes.shape[1] > 0

    @property
    def has_champions(self) -> bool:
        """Whether search may add up champions alone."""
        return len(self.champion_ptr) > 0

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self)
