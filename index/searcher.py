"""Queries become kernel calls, and what they return comes back in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from rarefy.index.filters import NO_FILTER, Filter
from rarefy.index.kernels import search_many
from rarefy.index.leaves import Leaf, Leaves, leaf_list
from rarefy.index.scratch import Scratch
from rarefy.index.vectors import Vectors

__all__ = ["Plans", "Searcher", "is_exact"]

Plans: TypeAlias = list[tuple[Leaves, npt.NDArray[np.int64], npt.NDArray[np.float64]]]
"""Lists of leaves, and `plan_ptr` and `plans` of `kernels.search_many`."""
CHUNK = 32
"""Queries that a thread takes at once."""


class Searcher:
    """Runs queries over leaves as if they were one; several Python threads may share it.

    Parameters
    ----------
    leaves
        What is searched, in the order of the rows; their `first_row` and `first_block` are set.
    other
        A searcher whose scratch memory may be used again.
    """

    def __init__(self, leaves: Iterable[Leaf], other: Searcher | None = None) -> None:
        placed = []
        first_row = first_block = 0
        for leaf in leaves:
            placed.append(leaf._replace(first_row=first_row, first_block=first_block))
            first_row += len(leaf.layout.indptr) - 1
            first_block += leaf.n_blocks
        leaves = placed
        self.first_rows = np.array([*(leaf.first_row for leaf in leaves), first_row])
        self._leaves = leaves
        self._groups = _grouped(leaves)
        n = np.diff(self.first_rows).max(initial=0)
        n_blocks = max((leaf.n_blocks for leaf in leaves), default=0)
        n_terms = max((len(leaf.layout.columns) for leaf in leaves), default=0)
        self._wanted = int(n), n_blocks, n_terms
        self._idle: list[Scratch] = [] if other is None else other._idle

    def __len__(self) -> int:
        return int(self.first_rows[-1])

    def filter(self, allowed: npt.NDArray[np.bool_], exact: bool) -> Filter:
        """Return the filter of a mask bool[len(searcher)] over rows.

        Exact search leaves no blocks out where most documents are allowed: that takes longer than
        to meet the others. Approximate search must not spend on those the blocks that it looks at.
        """
        if exact and 2 * np.count_nonzero(allowed) > len(allowed):
            return Filter(allowed, NO_FILTER.blocks)
        if all(leaf.block_size == 1 for leaf in self._leaves):
            return Filter(allowed, allowed)
        blocks = []
        for leaf, end in zip(self._leaves, self.first_rows[1:], strict=True):
            whole = np.zeros(leaf.n_blocks * leaf.block_size, np.bool_)
            whole[: end - leaf.first_row] = allowed[leaf.first_row : end]
            blocks.append(whole.view(f"u{leaf.block_size}") != 0)
        return Filter(allowed, np.concatenate(blocks))

    def planned(self, plans: Sequence[npt.NDArray[np.float64]]) -> Plans:
        """Return the settings of each leaf, float64[p, 4], as `search` takes them."""
        return [
            (
                leaves,
                np.cumsum([0, *(len(plans[at]) for at in order)]),
                np.concatenate([plans[at] for at in order]),
            )
            for leaves, order in self._groups
        ]

    def search(
        self,
        queries: Vectors,
        k: int,
        plans: Plans,
        allowed: Filter = NO_FILTER,
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
            What `planned` returned.
        allowed
            Documents that may be results.
        threads
            How many search at once; they take chunks of queries, so that it changes no result.
        """
        places = min(k, len(self))
        rows = np.empty((len(queries), places), np.int64)
        scores = np.empty((len(queries), places), np.float32)
        if not plans:
            rows[:], scores[:] = -1, -np.inf

        def run(start: int, end: int) -> None:
            scratch = self.take()
            for number, (leaves, plan_ptr, of_leaves) in enumerate(plans):
                search_many(
                    leaves, queries.indptr[start : end + 1], queries.columns, queries.weights,
                    allowed, plan_ptr, of_leaves, scratch, number > 0,
                    rows[start:end], scores[start:end],
                )  # fmt: skip
            self.give(scratch)  # not after an error: it may not be zero again

        if threads == 1 or len(queries) <= CHUNK:
            run(0, len(queries))
        else:
            _in_chunks(run, len(queries), threads)
        if places == k:
            return rows, scores
        beyond = ((0, 0), (0, k - places))
        return (
            np.pad(rows, beyond, constant_values=-1),
            np.pad(scores, beyond, constant_values=-np.inf),
        )

    def take(self) -> Scratch:
        """Return memory that no other thread uses."""
        while True:
            try:
                idle = self._idle.pop()
            except IndexError:
                return Scratch.of(*self._wanted)
            if idle.fits(*self._wanted):
                return idle

    def give(self, scratch: Scratch) -> None:
        """Let others use memory again."""
        self._idle.append(scratch)


def is_exact(plans: Plans) -> bool:
    """Return whether all leaves are searched exactly."""
    return not any(len(of_leaves) for _, _, of_leaves in plans)


def _grouped(leaves: Sequence[Leaf]) -> list[tuple[Leaves, list[int]]]:
    """Return lists of leaves whose arrays have the same types, and their numbers.

    The largest come first: what they find spares the others work.
    """
    order = sorted(range(len(leaves)), key=lambda at: 1 - len(leaves[at].layout.indptr))
    groups: dict[object, list[int]] = {}
    for at in order:
        groups.setdefault(numba.typeof(leaves[at]), []).append(at)
    return [(leaf_list([leaves[at] for at in group]), group) for group in groups.values()]


def _in_chunks(run: Callable[[int, int], None], n: int, threads: int) -> None:
    """Let threads share n queries."""
    starts = iter(range(0, n, CHUNK))

    def work() -> None:
        for start in starts:  # shared by the threads: one at a time runs Python
            run(start, min(start + CHUNK, n))

    with ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(work) for _ in range(threads - 1)]
        work()  # this thread is at work before the others have started
        for other in others:
            other.result()
