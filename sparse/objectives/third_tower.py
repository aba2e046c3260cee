"""A frozen third tower that both towers of a pair are brought to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from rarefy.errors import InputError
from rarefy.sparse.objectives.contrastive import info_nce
from rarefy.sparse.objectives.pairs import DensePairs

__all__ = ["ThirdTower"]


@dataclass(frozen=True)
class ThirdTower:
    r"""The terms of a loss that align either side of a pair with a third vector of it.

    With the third tower's vectors t, :math:`w (L(q, t) + L(d, t)) / 2`, where L is InfoNCE in both
    directions over the batch: beside the loss of the pair itself, the other two sides of the
    triangle of Kossen et al., "Three Towers: Flexible Contrastive Learning with Pretrained Image
    Models", NeurIPS 2023. There, linear maps bring the third tower to the others; here it has their
    vocabulary.

    Parameters
    ----------
    vectors
        CSR [n, V], by a model that stays as it is, of all pairs.
    rows
        Which pairs are in the batch of a step: :meth:`PairBatches.rows`.
    weight
        w.
    temperature
        Divides the scores.

    Raises
    ------
    InputError
        If the weight or the temperature is not above 0.
    """

    vectors: sparse.csr_array
    rows: Callable[[int], NDArray[np.int64]]
    weight: float = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not (self.weight > 0 and self.temperature > 0):
            raise InputError(
                f"weight is {self.weight} and temperature {self.temperature}; expected above 0"
            )

    def __call__(
        self, queries: Tensor, documents: Tensor, batch: DensePairs, step: int
    ) -> dict[str, Tensor]:
        """Return the terms of the loss by name; see :meth:`PairObjective.forward`."""
        third = torch.from_numpy(self.vectors[self.rows(step)].toarray()).to(queries)
        share = self.weight / 2
        return {
            f"{side}_third": share * info_nce(vectors @ third.T, temperature=self.temperature)
            for side, vectors in (("queries", queries), ("documents", documents))
        }
