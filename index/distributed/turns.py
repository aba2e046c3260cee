"""Which shard new documents go to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["Turns"]


class Turns:
    """Shards take turns: a run of documents goes to the smallest before the next one is chosen."""

    def __init__(self) -> None:
        self._shard, self._room = 0, 0

    def deal(self, n: int, sizes: Sequence[int], run: int) -> list[tuple[int, int, int]]:
        """Return which shard has which of n documents: (shard, start, end), in their order.

        Parameters
        ----------
        n
            How many there are.
        sizes
            Documents that each shard has already.
        run
            Documents that one shard gets before the next one takes its turn. Where there are so
            many for each, they are dealt evenly.
        """
        if n >= run * len(sizes):
            ends = np.linspace(0, n, len(sizes) + 1).astype(int).tolist()
            return list(zip(np.argsort(sizes).tolist(), ends[:-1], ends[1:], strict=True))
        grown, pieces, start = list(sizes), [], 0
        while start < n:
            if self._room == 0:
                self._shard, self._room = int(np.argmin(grown)), run
            end = min(n, start + self._room)
            pieces.append((self._shard, start, end))
            grown[self._shard] += end - start
            self._room -= end - start
            start = end
        return pieces
