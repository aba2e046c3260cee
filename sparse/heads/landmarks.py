"""Vectors by their likeness to known ones, so that a linear map of it bends.

With kernel ridge regression (Saunders, Gammerman and Vovk, "Ridge Regression Learning Algorithm in
Dual Variables", ICML 1998) a map from one encoder to another is linear in these likenesses; see
:func:`rarefy.sparse.training.alignment.kernel_map`.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["Landmarks"]


class Landmarks(nn.Module):
    r"""Turns vectors [n, in_features] into likenesses [n, count] to as many known ones.

    Vectors are standardised and brought to unit length; of two such,

    .. math:: k(x, y) = e^{\gamma (x \cdot y - 1)}

    which is 1 of a vector and itself, and a Gaussian of their distance.

    Parameters
    ----------
    in_features
        Length of the vectors.
    count
        Number of known ones.
    sharpness
        Gamma: how fast likeness falls with the angle.
    """

    def __init__(self, in_features: int, count: int, sharpness: float = 3.0) -> None:
        super().__init__()
        self.sharpness = sharpness
        self.mean: Tensor
        self.scale: Tensor
        self.points: Tensor
        self.register_buffer("mean", torch.zeros(in_features))
        self.register_buffer("scale", torch.ones(in_features))
        self.register_buffer("points", torch.zeros(count, in_features))

    @classmethod
    def at(
        cls, points: NDArray[np.floating], vectors: NDArray[np.floating], sharpness: float = 3.0
    ) -> Self:
        """Make landmarks.

        Parameters
        ----------
        points : float [m, d]
            The known vectors.
        vectors : float [n, d]
            What the entries' mean and deviation are taken of; an entry that is the same in all
            counts for nothing.
        sharpness
            As for the class.
        """
        made = cls(points.shape[1], len(points), sharpness)
        deviation = vectors.std(0)
        varies = deviation > 1e-6 * deviation.max(initial=0)
        scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=varies)
        made.mean.copy_(torch.from_numpy(vectors.mean(0)))
        made.scale.copy_(torch.from_numpy(scale))
        made.points.copy_(made._standardised(torch.from_numpy(points).float()))
        return made

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the likeness of each vector to each landmark, from 0 to 1."""
        cosines = self._standardised(vectors) @ self.points.T
        return torch.exp(self.sharpness * (cosines - 1))

    def _standardised(self, vectors: Tensor) -> Tensor:
        return nn.functional.normalize((vectors - self.mean) * self.scale, dim=1)
