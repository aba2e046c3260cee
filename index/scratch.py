"""Memory that one search at a time uses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rarefy.index.intrinsics import LANES
from rarefy.index.layout import padded

__all__ = ["Scratch"]

WINDOW_ROWS = 2**17
"""Sums of so many documents fit in a second-level cache of 256 KiB; fewer are cut up too much."""


class Scratch(NamedTuple):
    """Arrays that are allocated once and used by one search after another.

    Attributes
    ----------
    sums : uint16[nb]
        Bounds of the blocks; beyond the last block zero, or `MAX_SUM` where nothing is bounded.
    maxima : uint16[nb / 64]
        The largest of each 64 sums.
    candidates : int64[n]
        Rows of documents that may be results.
    bounds : int64[n]
        Their bounds.
    order : int64[max(n, nb)]
        Numbers of chosen blocks; then places of the candidates in the order in which they are
        scored.
    totals : float64[n]
        Their scores, where postings are looked up by term.
    window : uint16[min(n, 131072)]
        Sums of documents in a window of rows; zero between searches.
    integers : uint8[T]
        The query's integer weights; zero between searches.
    weights : float64[T]
        The query's weights; zero between searches.
    """

    sums: npt.NDArray[np.uint16]
    maxima: npt.NDArray[np.uint16]
    candidates: npt.NDArray[np.int64]
    bounds: npt.NDArray[np.int64]
    order: npt.NDArray[np.int64]
    totals: npt.NDArray[np.float64]
    window: npt.NDArray[np.uint16]
    integers: npt.NDArray[np.uint8]
    weights: npt.NDArray[np.float64]

    def fits(self, n: int, n_blocks: int, n_terms: int) -> bool:
        """Whether it is large enough for an index of these sizes."""
        return (
            len(self.candidates) >= n
            and len(self.sums) >= padded(n_blocks)
            and len(self.weights) >= n_terms
        )

    @classmethod
    def of(cls, n: int, n_blocks: int, n_terms: int) -> Scratch:
        """Allocate for leaves of n documents in so many blocks, with so many terms."""
        nb = padded(n_blocks)
        return cls(
            sums=np.zeros(nb, np.uint16),
            maxima=np.zeros(nb // LANES, np.uint16),
            candidates=np.empty(n, np.int64),
            bounds=np.empty(n, np.int64),
            order=np.empty(max(n, nb), np.int64),
            totals=np.empty(n, np.float64),
            window=np.zeros(min(n, WINDOW_ROWS), np.uint16),
            integers=np.zeros(n_terms, np.uint8),
            weights=np.zeros(n_terms, np.float64),
        )
