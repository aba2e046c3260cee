"""Queries become settings and kernel calls, and kernel results become hits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rarefy.index.kernels import NO_FILTER, search_one
from rarefy.index.layout import Layout
from rarefy.index.scratch import Scratch
from rarefy.index.vectors import Vectors

__all__ = ["Searcher"]


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
        try:
            scratch = self._idle.pop()
        except IndexError:
            scratch = Scratch.of(n, -(-n // self.block_size), len(self.layout.columns))
        for i in range(len(queries)):
            columns, weights = queries.row(i)
            search_one(
                self.layout, self.block_size, columns, weights, NO_FILTER, 1.0, 0, scratch,
                rows[i, :places], scores[i, :places],
            )  # fmt: skip
        self._idle.append(scratch)
        return rows, scores
