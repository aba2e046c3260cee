"""Which shard has which document: the order of one index, recovered from several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Deal"]


class Deal:
    """Runs of documents, neighbours in the order of the whole, each run in one shard.

    Documents of a shard are in the order of the whole too. So a document's row among the living of
    all shards follows from its row in its shard, and the list of runs is all that is stored: one
    for each batch that was dealt, not one entry a document.

    Parameters
    ----------
    shards
        int[r], the shard of each run.
    counts
        int[r], how many living documents each has. Empty runs are dropped, and neighbours of one
        shard become one.
    """

    def __init__(self, shards: Iterable[int], counts: Iterable[int]) -> None:
        owners, sizes = np.array(list(shards), np.int64), np.array(list(counts), np.int64)
        owners, sizes = owners[sizes > 0], sizes[sizes > 0]
        first = np.flatnonzero(np.diff(owners, prepend=-1))
        self.shards: npt.NDArray[np.int64] = owners[first]
        self.counts: npt.NDArray[np.int64] = (
            np.add.reduceat(sizes, first) if len(first) else np.empty(0, np.int64)
        )

    @classmethod
    def of(cls, owners: npt.NDArray[np.int64]) -> Deal:
        """Return the deal by the shard of each row of the whole, int64[n]."""
        first = np.flatnonzero(np.diff(owners, prepend=-1))
        return cls(owners[first], np.diff(first, append=len(owners)))

    def __len__(self) -> int:
        return int(self.counts.sum())

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Deal)
            and np.array_equal(self.shards, other.shards)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]

    def documents(self, shard: int) -> int:
        """Return how many living documents a shard has."""
        return int(self.counts[self.shards == shard].sum())

    def runs(self, shard: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the numbers of a shard's runs, and the local row after the last of each."""
        numbers = np.flatnonzero(self.shards == shard)
        return numbers, np.cumsum(self.counts[numbers])

    def rows(self, shard: int, local: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the rows in the whole of rows in a shard; -1 stays -1."""
        if shard not in self._shifts:
            return local
        ends, shifts = self._shifts[shard]
        shift = shifts[0] if len(ends) == 1 else shifts[np.searchsorted(ends[:-1], local, "right")]
        return np.where(local < 0, -1, local + shift)

    @cached_property
    def _shifts(self) -> dict[int, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """By shard: the ends of its runs, and how many rows of others are before each."""
        first, shifts = np.cumsum(self.counts) - self.counts, {}
        for shard in np.unique(self.shards).tolist():
            numbers, ends = self.runs(shard)
            shifts[shard] = ends, first[numbers] - (ends - self.counts[numbers])
        return shifts

    @cached_property
    def owners(self) -> npt.NDArray[np.int64]:
        """The shard of each row of the whole, int64[n]."""
        return np.repeat(self.shards, self.counts)

    def joined(self, pieces: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Return one value a row of the whole, from one array a shard."""
        whole = np.empty(len(self), np.result_type(*pieces))
        for shard, piece in enumerate(pieces):
            whole[self.owners == shard] = piece
        return whole

    def without(self, lost: Sequence[npt.NDArray[np.int64]]) -> Deal:
        """Return the deal once documents are deleted: unique local rows, an array a shard."""
        counts = self.counts.copy()
        for shard, local in enumerate(lost):
            numbers, ends = self.runs(shard)
            np.subtract.at(counts, numbers[np.searchsorted(ends, local, side="right")], 1)
        return Deal(self.shards, counts)

    def extended(self, shards: Iterable[int], counts: Iterable[int]) -> Deal:
        """Return the deal with further runs at the end."""
        return Deal([*self.shards, *shards], [*self.counts, *counts])
