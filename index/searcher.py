"""Queries become settings and kernel calls, and kernel results become hits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rarefy.index.intrinsics import LANES
from rarefy.index.kernels import search_one
from rarefy.index.layout import Layout
from rarefy.index.vectors import Vectors

__all__ = ["Searcher"]


class Scratch(NamedTuple):
    """Memory that one search at a time uses.

    Attributes
    ----------
    sums : uint16[nb]
        Bounds of the blocks; beyond the last block zero.
    blocks : int64[nb]
        Numbers of chosen blocks.
    integers : uint8[T]
        The query's integer weights; zero between searches.
    weights : float64[T]
        The query's weights, valid where `integers` is not zero.
    """

    sums: npt.NDArray[np.uint16]
    blocks: npt.NDArray[np.int64]
    integers: npt.NDArray[np.uint8]
    weights: npt.NDArray[np.float64]


class Searcher:
    """Runs queries over a layout; several Python threads may share one."""

    def __init__(self, layout: Layout, block_size: int) -> None:
        self.layout = layout
        self.block_size = block_size
        self._idle: list[Scratch] = []

    def search(
        self, queries: Vectors, k: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return rows int64[m, k] and scores float32[m, k], padded with -1 and -inf."""
        n = len(self.layout.indptr) - 1
        places = min(k, n)
        rows = np.full((len(queries), k), -1, np.int64)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        if places == 0:
            return rows, scores
        scratch = self._idle.pop() if self._idle else self._new_scratch()
        for i in range(len(queries)):
            columns, weights = queries.row(i)
            search_one(
                self.layout, self.block_size, columns, weights, places, scratch,
                rows[i, :places], scores[i, :places],
            )  # fmt: skip
        self._idle.append(scratch)
        return rows, scores

    def _new_scratch(self) -> Scratch:
        n_blocks = -(-(len(self.layout.indptr) - 1) // self.block_size)
        n_terms = len(self.layout.columns)
        padded = -(-n_blocks // LANES) * LANES
        return Scratch(
            sums=np.zeros(padded, np.uint16),
            blocks=np.empty(padded, np.int64),
            integers=np.zeros(n_terms, np.uint8),
            weights=np.empty(n_terms, np.float64),
        )
