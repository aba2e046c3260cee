"""Vectors and their impacts become a layout."""

from __future__ import annotations

import numpy as np

from rarefy.index.champions import select_champions
from rarefy.index.compilation import kernel
from rarefy.index.impacts import NIBBLE_STEP, encode, term_scales
from rarefy.index.layout import WINDOW, Array, Layout, padded
from rarefy.index.vectors import Vectors

__all__ = ["DENSE_SHARE", "build"]

DENSE_SHARE = 0.08
"""Share of the blocks from which a term's maxima are cheaper to add as a dense row."""


def build(
    vectors: Vectors, block_size: int, *, compact: bool = False, champions: int = 0
) -> Layout:
    """Lay out the vectors for search, in blocks of `block_size` consecutive rows; 1 if compact.

    Of each term at most so many champions are listed; 0 where blocks are single documents. Time and
    memory are linear in the number of postings.
    """
    columns, terms = _number_terms(vectors)
    n_terms = len(columns)
    scales = term_scales(terms, vectors.weights, n_terms)
    codes = encode(terms, vectors.weights, scales, not compact)
    n_blocks = -(-len(vectors) // block_size)
    n_windows = -(-n_blocks // WINDOW)
    lengths = _list_lengths(vectors.indptr, terms, n_terms, block_size, n_windows)
    is_dense = lengths.sum(axis=0) >= max(DENSE_SHARE * n_blocks, 1)
    dense_rows = np.full(n_terms, -1, np.int32)
    dense_rows[is_dense] = np.arange(is_dense.sum(), dtype=np.int32)
    lengths[:, is_dense] = 0
    list_ptr = np.concatenate([[0], np.cumsum(lengths.ravel())]).astype(np.int64)
    dense_maxima = np.zeros((int(is_dense.sum()), padded(n_blocks) // 2), np.uint8)
    list_blocks = np.empty(list_ptr[-1], np.uint16)
    list_maxima = np.empty(list_ptr[-1], np.uint8)
    n_coded = len(vectors) if compact else 0
    dense_codes = np.zeros((len(dense_maxima) if compact else 0, n_coded), np.uint8)
    _fill(
        vectors.indptr, terms, codes, block_size, dense_rows, dense_maxima, dense_codes,
        list_ptr, list_blocks, list_maxima,
    )  # fmt: skip
    champion_arrays = np.empty(0, np.int64), np.empty(0, np.uint32), np.empty(0, np.uint8)
    if champions:
        champion_arrays = select_champions(vectors.indptr, terms, codes, n_terms, champions)
    return Layout(
        columns=columns,
        by_column=np.argsort(columns).astype(np.uint32),
        scales=scales,
        indptr=vectors.indptr.copy(),
        terms=terms[:0].copy() if compact else terms,
        codes=codes if block_size > 1 else codes[:0].copy(),
        weights=vectors.weights[:0].copy() if compact else vectors.weights.copy(),
        dense_rows=dense_rows,
        dense_maxima=dense_maxima,
        dense_codes=dense_codes,
        list_ptr=list_ptr,
        list_blocks=list_blocks,
        list_maxima=list_maxima,
        champion_ptr=champion_arrays[0],
        champion_rows=champion_arrays[1],
        champion_codes=champion_arrays[2],
    )


def _number_terms(vectors: Vectors) -> tuple[Array, Array]:
    """Return the column of each term, uint32[T], and each posting's term.

    Terms are numbered by falling document frequency, so that what a query looks up for most
    postings lies in few cache lines.
    """
    if vectors.width <= max(4 * len(vectors.columns), 2**16):
        frequency = _frequencies(vectors.columns, vectors.width)
        columns = np.flatnonzero(frequency)
        columns = columns[np.argsort(-frequency[columns], kind="stable")].astype(np.uint32)
        number = np.zeros(vectors.width, _smallest(columns))
        number[columns] = np.arange(len(columns))
        return columns, number[vectors.columns]
    columns, places, frequency = np.unique(vectors.columns, return_inverse=True, return_counts=True)
    order = np.argsort(-frequency, kind="stable")
    number = np.empty(len(columns), _smallest(columns))
    number[order] = np.arange(len(columns))
    return columns[order].astype(np.uint32), number[places]


@kernel
def _frequencies(columns: Array, width: int) -> Array:
    """Return int64[width]: how often each column occurs; unlike bincount without the GIL."""
    frequency = np.zeros(width, np.int64)
    for p in range(columns.size):
        frequency[columns[p]] += 1
    return frequency


def _smallest(columns: Array) -> type[np.unsignedinteger]:
    return np.uint16 if len(columns) <= 2**16 else np.uint32


@kernel
def _list_lengths(
    indptr: Array, terms: Array, n_terms: int, block_size: int, n_windows: int
) -> Array:
    """Return int64[n_windows, n_terms]: blocks in which the term occurs."""
    lengths = np.zeros((n_windows, n_terms), np.int64)
    last = np.full(n_terms, -1, np.int64)
    for row in range(indptr.size - 1):
        block = row // block_size
        for p in range(indptr[row], indptr[row + 1]):
            term = terms[p]
            if last[term] != block:
                last[term] = block
                lengths[block // WINDOW, term] += 1
    return lengths


@kernel
def _fill(
    indptr: Array,
    terms: Array,
    codes: Array,
    block_size: int,
    dense_rows: Array,
    dense_maxima: Array,
    dense_codes: Array,
    list_ptr: Array,
    list_blocks: Array,
    list_maxima: Array,
) -> None:
    """Write the maxima; documents come in row order, so that lists are ordered by block."""
    n_terms = dense_rows.size
    nb = 2 * dense_maxima.shape[1]
    end = list_ptr[:-1].copy()
    for row in range(indptr.size - 1):
        block = row // block_size
        window = block // WINDOW
        local = block - window * WINDOW
        for p in range(indptr[row], indptr[row + 1]):
            term = terms[p]
            code = codes[p]
            dense = dense_rows[term]
            if dense >= 0:
                if dense_codes.size:
                    dense_codes[dense, row] = code
                half = min(WINDOW, nb - window * WINDOW) // 2
                steps = (np.int64(code) + NIBBLE_STEP - 1) // NIBBLE_STEP
                at = window * (WINDOW // 2) + local % half
                held = np.int64(dense_maxima[dense, at])
                if local < half:
                    held = max(held & 15, steps) | held & 240
                else:
                    held = held & 15 | max(held >> 4, steps) << 4
                dense_maxima[dense, at] = held
                continue
            place = window * n_terms + term
            e = end[place]
            if e > list_ptr[place] and list_blocks[e - 1] == local:
                if code > list_maxima[e - 1]:
                    list_maxima[e - 1] = code
            else:
                list_blocks[e] = local
                list_maxima[e] = code
                end[place] = e + 1
