"""The layouts of an index as kernels take them: a list, so that one call searches them all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from numba.typed import List

from rarefy.index.compilation import kernel
from rarefy.index.layout import Layout

__all__ = ["Leaf", "Leaves", "leaf_list"]


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
