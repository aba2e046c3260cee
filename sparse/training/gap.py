"""The gap between two towers: closing it, and training across it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from rarefy.errors import InputError
from rarefy.sparse.training.batches import Batch

__all__ = ["NoisyBatches", "shifted"]


def shifted(
    vectors: NDArray[np.floating], other: NDArray[np.floating], *, share: float = 1.0
) -> NDArray[np.float32]:
    r"""Return vectors moved along the gap towards those of another tower, at unit length.

    With :math:`\Delta = \bar y - \bar x` of vectors at unit length, :math:`x + \lambda \Delta`.
    Liang, Zhang, Kwon, Yeung and Zou, "Mind the Gap: Understanding the Modality Gap in Multi-modal
    Contrastive Representation Learning", NeurIPS 2022, section 4.2.

    Parameters
    ----------
    vectors, other : float [n, d], float [m, d]
    share
        Lambda: 0 leaves the gap, 1 closes it, as far as means go; others widen it or go beyond.

    Raises
    ------
    InputError
        If they are of different lengths.
    """
    x, y = _unit(vectors), _unit(other)
    if x.shape[1] != y.shape[1]:
        raise InputError(
            f"the vectors have {x.shape[1]} and {y.shape[1]} entries; expected as many in both"
        )
    return _unit(x + share * (y.mean(0) - x.mean(0)))


@dataclass(frozen=True)
class NoisyBatches:
    """Batches with Gaussian noise on one side's vectors, which are at unit length after it.

    A head that learns from noisy text vectors bears vectors of pictures, which lie a little off:
    Nukrai, Mokady and Globerson, "Text-Only Training for Image Captioning using Noise-Injected
    CLIP" (CapDec), 2022; Gu, Clark and Kembhavi, "I Can't Believe There's No Images! Learning
    Visual Tasks Using only Language Supervision" (CLOSE), ICCV 2023. Noise depends on `seed` and
    the step alone.

    Parameters
    ----------
    batches
        Whose vectors get noise.
    deviation
        Of the noise of each entry.
    side
        ``"queries"`` or ``"documents"``.
    seed
        Of the noise.

    Raises
    ------
    InputError
        If the deviation is negative, or there is no such side.
    """

    batches: Callable[[int], Batch]
    deviation: float
    side: str = "documents"
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.deviation >= 0:
            raise InputError(f"deviation is {self.deviation}; expected 0 or more")
        if self.side not in Batch._fields:
            raise InputError(f"side is {self.side!r}; expected one of {', '.join(Batch._fields)}")

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step, counted from 0."""
        batch = self.batches(step)
        vectors = getattr(batch, self.side)
        generator = torch.Generator().manual_seed((self.seed << 32) + step)
        noise = self.deviation * torch.randn(vectors.shape, generator=generator)
        noisy = torch.nn.functional.normalize(vectors + noise.to(vectors), dim=1)
        return batch._replace(**{self.side: noisy})


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
    unit: NDArray[np.float32] = (vectors / lengths).astype(np.float32)
    return unit
