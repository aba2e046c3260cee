"""The term of a loss that asks a sparse vector for the dense one that it was made of."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from rarefy.sparse.objectives.distillation import reconstruction
from rarefy.sparse.objectives.pairs import DensePairs

__all__ = ["DecodedVectors"]


class DecodedVectors(nn.Module):
    """Decodes both sides of a batch by one matrix, which learns with the head.

    Parameters
    ----------
    rows : float [V, h]
        The decoder at first, such as the rows of the head.
    weight
        How much the term counts.
    metric
        See :func:`rarefy.sparse.objectives.reconstruction`.
    """

    def __init__(
        self, rows: Tensor, *, weight: float = 1.0, metric: Literal["cosine", "squared"] = "cosine"
    ) -> None:
        super().__init__()
        self.decoder = nn.Parameter(rows.detach().clone())
        self._weight, self._metric = weight, metric

    def forward(
        self, queries: Tensor, documents: Tensor, batch: DensePairs, step: int
    ) -> dict[str, Tensor]:
        """Return the term of the loss by name; see :meth:`PairObjective.forward`."""
        sides = ((queries, batch.queries), (documents, batch.documents))
        losses = [
            reconstruction(weights @ self.decoder, vectors, metric=self._metric)
            for weights, vectors in sides
        ]
        return {"reconstruction": self._weight * (losses[0] + losses[1]) / 2}
