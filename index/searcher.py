"""Queries become kernel calls, and what they return comes back in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from rarefy.index.filters import NO_FILTER, allowing
from rarefy.index.kernels import search_many
from rarefy.index.layout import Layout
from rarefy.index.scratch import Scratch
from rarefy.index.vectors import Vectors

__all__ = ["Searcher"]

CHUNK = 32
"""Queries that a thread takes at once."""


class Searcher:
    """Runs queries over a layout; several Python threads may share one."""

    def __init__(self, layout: Layout, block_size: int) -> None:
        self.layout = layout
        self.block_size = block_size
        self._idle: list[Scratch] = []

    def search(
        self,
        queries: Vectors,
        k: int,
        plans: npt.NDArray[np.float64],
        allowed: npt.NDArray[np.bool_] | None = None,
        threads: int = 1,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return rows int64[m, k] and scores float32[m, k], padded with -1 and -inf.

        Parameters
        ----------
        queries
            m queries.
        k
            Documents a query.
        plans
            float64[p, 4], see `kernels.search_many`.
        allowed
            bool[n], documents that may be results; None for all.
        threads
            How many search at once; they take chunks of queries, so that it changes no result.
        """
        rows = np.empty((len(queries), k), np.int64)
        scores = np.empty((len(queries), k), np.float32)

        kept = NO_FILTER if allowed is None else allowing(allowed, self.block_size)

        def run(start: int, end: int) -> None:
            scratch = self._take()
            search_many(
                self.layout, self.block_size, queries.indptr[start : end + 1], queries.columns,
                queries.weights, kept, plans, scratch,
                rows[start:end], scores[start:end],
            )  # fmt: skip
            self._idle.append(scratch)

        if threads == 1 or len(queries) <= CHUNK:
            run(0, len(queries))
            return rows, scores
        starts = iter(range(0, len(queries), CHUNK))

        def work() -> None:
            for start in starts:  # shared by the threads: one at a time runs Python
                run(start, min(start + CHUNK, len(queries)))

        with ThreadPoolExecutor(threads - 1) as pool:
            others = [pool.submit(work) for _ in range(threads - 1)]
            work()  # this thread is at work before the others have started
            for other in others:
                other.result()
        return rows, scores

    def _take(self) -> Scratch:
        """Return scratch memory that no other thread uses."""
        try:
            return self._idle.pop()
        except IndexError:
            n = len(self.layout.indptr) - 1
            return Scratch.of(n, -(-n // self.block_size), len(self.layout.columns))
