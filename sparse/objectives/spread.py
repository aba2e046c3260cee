"""Losses on where vectors lie: near their partner, and far from all others."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from rarefy.errors import InputError

__all__ = ["alignment_loss", "uniformity_loss"]


def alignment_loss(queries: Tensor, documents: Tensor) -> Tensor:
    """Return the mean squared distance of a query and its document, both at unit length.

    Wang and Isola, "Understanding Contrastive Representation Learning through Alignment and
    Uniformity on the Hypersphere", ICML 2020, equation 1.

    Parameters
    ----------
    queries, documents : float [B, V]
    """
    x, y = functional.normalize(queries, dim=1), functional.normalize(documents, dim=1)
    return (x - y).square().sum(1).mean()


def uniformity_loss(vectors: Tensor, *, t: float = 2.0) -> Tensor:
    r"""Return the logarithm of the mean Gaussian potential of two vectors, at unit length.

    .. math:: \log \mathbb{E}_{x \ne y} \exp(-t |x - y|^2)

    Wang and Isola 2020, equation 2. Over queries and documents together it closes the gap between
    two towers: Fahim, Murphy and Fyshe, "It's Not a Modality Gap: Characterizing and Addressing the
    Contrastive Gap", 2024.

    Parameters
    ----------
    vectors : float [n, V]
        At least two.
    t
        Of the Gaussian.

    Raises
    ------
    InputError
        If there are fewer than two.
    """
    if len(vectors) < 2:
        raise InputError(f"there are {len(vectors)} vectors; expected at least 2")
    unit = functional.normalize(vectors, dim=1)
    products = unit @ unit.T
    first, second = torch.triu_indices(len(unit), len(unit), 1, device=unit.device)
    distances = 2 - 2 * products[first, second]
    return (-t * distances).exp().mean().log()
