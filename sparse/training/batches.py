"""Which pairs a training step sees: a function of the seed and the step, and of nothing else.

So a run that is resumed at some step sees what an uninterrupted one does, with no state to save.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rarefy.errors import InputError

__all__ = ["Batch", "PairBatches"]


class Batch(NamedTuple):
    """Dense vectors of B queries and of the document that belongs to each; float32 [B, d]."""

    queries: Tensor
    documents: Tensor


class PairBatches:
    """Batches of pairs, each pair once an epoch, in an order of its own in each epoch.

    Parameters
    ----------
    queries, documents
        float16 or float32 [n, d], perhaps memory-mapped; row i of one belongs to row i of the
        other.
    size
        Pairs a batch, B; those left over at an epoch's end wait for the next one.
    seed
        Of the orders.

    Raises
    ------
    InputError
        If the shapes differ, or there are less than `size` pairs.
    """

    def __init__(
        self,
        queries: NDArray[np.floating],
        documents: NDArray[np.floating],
        *,
        size: int,
        seed: int = 0,
    ) -> None:
        if queries.shape != documents.shape:
            raise InputError(
                f"queries have the shape {queries.shape} and documents {documents.shape}; "
                "expected one document for each query"
            )
        if not 1 <= size <= len(queries):
            raise InputError(
                f"size is {size} for {len(queries)} pairs; expected at least 1 and at most that"
            )
        self._queries, self._documents = queries, documents
        self._size, self._seed = size, seed
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    def rows(self, step: int) -> NDArray[np.int64]:
        """Return which pairs are in the batch of a step, counted from 0; int64 [B], ascending."""
        epoch, place = divmod(step, len(self._queries) // self._size)
        if epoch != self._epoch:
            random = np.random.default_rng([self._seed, epoch])
            self._epoch, self._order = epoch, random.permutation(len(self._queries))
        # Ascending rows, so that a memory-mapped file is read in one direction.
        return np.sort(self._order[place * self._size : (place + 1) * self._size])

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step, counted from 0."""
        rows = self.rows(step)
        return Batch(*(_tensor(vectors[rows]) for vectors in (self._queries, self._documents)))


def _tensor(vectors: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.array(vectors, dtype=np.float32))
