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
    """Dense vectors of B queries and of the document that belongs to each; float32.

    [B, d] each; of two encoders, either has a length of its own.
    """

    queries: Tensor
    documents: Tensor


class PairBatches:
    """Batches of pairs, each pair once an epoch, in an order of its own in each epoch.

    With neighbours, what comes once an epoch are seeds, and a batch holds each with the pairs whose
    documents are nearest to its own: the others are then hard negatives. They are found anew for
    each batch, exactly, which for 100,000 documents takes a fraction of a step.

    Parameters
    ----------
    queries, documents
        float16 or float32 [n, d], perhaps memory-mapped; row i of one belongs to row i of the
        other. Of two encoders, either has a length of its own.
    size
        Pairs a batch, B; those left over at an epoch's end wait for the next one.
    seed
        Of the orders.
    neighbours
        Pairs that come with each seed, itself counted: 1 for batches at random. A pair that is a
        neighbour of several comes once, so such batches may be smaller than `size`.

    Raises
    ------
    InputError
        If there is not one document for each query, there are less than `size` pairs, or
        `neighbours` does not divide `size`.
    """

    def __init__(
        self,
        queries: NDArray[np.floating],
        documents: NDArray[np.floating],
        *,
        size: int,
        seed: int = 0,
        neighbours: int = 1,
    ) -> None:
        if len(queries) != len(documents):
            raise InputError(
                f"queries have the shape {queries.shape} and documents {documents.shape}; "
                "expected one document for each query"
            )
        if not 1 <= size <= len(queries):
            raise InputError(
                f"size is {size} for {len(queries)} pairs; expected at least 1 and at most that"
            )
        if neighbours < 1 or size % neighbours:
            raise InputError(f"neighbours is {neighbours}; expected a divisor of the size, {size}")
        self._queries, self._documents = queries, documents
        self._seeds, self._seed, self._neighbours = size // neighbours, seed, neighbours
        self._all = _tensor(documents) if neighbours > 1 else None
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    def rows(self, step: int) -> NDArray[np.int64]:
        """Return which pairs are in the batch of a step, counted from 0; int64 [B], ascending."""
        epoch, place = divmod(step, len(self._queries) // self._seeds)
        if epoch != self._epoch:
            random = np.random.default_rng([self._seed, epoch])
            self._epoch, self._order = epoch, random.permutation(len(self._queries))
        rows = self._order[place * self._seeds : (place + 1) * self._seeds]
        if self._all is not None:
            near: Tensor = (self._all[rows] @ self._all.T).topk(self._neighbours, dim=1).indices
            rows = np.concatenate([rows, near.numpy().ravel()])
        # Ascending rows, so that a memory-mapped file is read in one direction.
        return np.unique(rows)

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step, counted from 0."""
        rows = self.rows(step)
        return Batch(*(_tensor(vectors[rows]) for vectors in (self._queries, self._documents)))


def _tensor(vectors: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.array(vectors, dtype=np.float32))
