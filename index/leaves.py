"""The layouts of an index as kernels take them: a list, so that one call searches them all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from numba.typed import List

from rarefy.index.compilation import kernel
from rarefy.index.intrinsics import prefetch
from rarefy.index.layout import Array, Layout

__all__ = ["Leaf", "Leaves", "leaf_list", "match_terms"]

CALLEES = "55355e9f2d0e"
"""The start of the SHA-256 of the files of kernels that are called here; see their test."""


class Leaf(NamedTuple):
    """A layout, and where it stands among those of an index.

    Attributes
    ----------
    layout : Layout
    block_size : int
        Documents of a block.
    buckets : uint32[b + 1]
        Bucket ``i`` has the places ``buckets[i]:buckets[i + 1]`` of `Layout.by_column`: the columns
        that are ``i`` when shifted right by `shift`. It has about one.
    shift : int
    first_row, first_block : int
        Rows and blocks of the leaves before it.
    """

    layout: Layout
    block_size: int
    buckets: npt.NDArray[np.uint32]
    shift: int
    first_row: int = 0
    first_block: int = 0

    @classmethod
    def of(cls, layout: Layout, block_size: int) -> Leaf:
        """Return a layout as the one leaf of an index."""
        columns = layout.columns
        last = int(columns.max(initial=0))
        shift = max(0, ((last + 1) // max(len(columns), 1)).bit_length() - 1)
        counts = np.bincount(columns >> np.uint32(shift), minlength=(last >> shift) + 1)
        return cls(layout, block_size, np.cumsum([0, *counts]).astype(np.uint32), shift)

    @property
    def n_blocks(self) -> int:
        """How many blocks it has."""
        return -(-(len(self.layout.indptr) - 1) // self.block_size)


Leaves: TypeAlias = "List[Leaf]"
"""Leaves whose arrays are of the same types."""


def leaf_list(leaves: Iterable[Leaf]) -> Leaves:
    """Return a list that kernels take, of at least one leaf."""
    first, *others = leaves
    made = _list_of(first)
    for leaf in others:
        _append(made, leaf)
    return made


@kernel
def _list_of(leaf: Leaf) -> Leaves:
    made = List()
    made.append(leaf)
    return made


@kernel
def _append(leaves: Leaves, leaf: Leaf) -> None:
    leaves.append(leaf)


@kernel
def match_terms(leaf: Leaf, columns: Array, query: Array) -> tuple[Array, Array, int]:
    """Return the query's terms that occur, int64[m], their weights, float64[m], and m.

    A column's way to its term leads over three arrays, all of which small leaves that are searched
    in turns push out of the caches: all columns take one step before any takes the next, so that
    they wait together. What is read of a term next is asked for, too.
    """
    layout, buckets = leaf.layout, leaf.buckets
    terms = np.empty(columns.size, np.int64)
    weights = np.empty(columns.size, np.float64)
    last = buckets.size - 1
    n = columns.size
    while n > 0 and np.int64(columns[n - 1]) >> leaf.shift >= last:
        n -= 1
    for j in range(n):
        prefetch(buckets, np.int64(columns[j]) >> leaf.shift)
    for j in range(n):
        terms[j] = buckets[np.int64(columns[j]) >> leaf.shift]
        prefetch(layout.by_column, terms[j])
    for j in range(n):
        if terms[j] < layout.by_column.size:
            term = layout.by_column[terms[j]]
            prefetch(layout.columns, term)
            prefetch(layout.scales, term)
            prefetch(layout.dense_rows, term)
            prefetch(layout.list_ptr, term)
    m = 0
    for j in range(n):
        low = terms[j]
        end = np.int64(buckets[(np.int64(columns[j]) >> leaf.shift) + 1])
        high = end
        while low < high:
            middle = (low + high) >> 1
            if layout.columns[layout.by_column[middle]] < columns[j]:
                low = middle + 1
            else:
                high = middle
        if low < end:
            term = layout.by_column[low]
            if layout.columns[term] == columns[j]:
                terms[m] = term
                weights[m] = query[j]
                m += 1
    return terms[:m], weights[:m], m
