"""Vectors between two others on the sphere, as negatives harder than any that there are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from rarefy.errors import InputError

__all__ = ["geodesic_mixup", "slerp"]


def slerp(one: Tensor, other: Tensor, share: float | Tensor) -> Tensor:
    r"""Return unit vectors on the way from one to another along the sphere.

    With :math:`\theta` the angle between them,

    .. math:: \frac{\sin((1 - \lambda) \theta)}{\sin \theta} x
              + \frac{\sin(\lambda \theta)}{\sin \theta} y

    Shoemake, "Animating Rotation with Quaternion Curves", SIGGRAPH 1985.

    Parameters
    ----------
    one, other : float [n, V]
        x and y; taken at unit length.
    share
        Lambda: 0 is one, 1 the other; a number, or float [n].
    """
    x, y = (functional.normalize(vectors, dim=1) for vectors in (one, other))
    margin = max(1e-6, torch.finfo(x.dtype).eps)
    cosine = (x * y).sum(1, keepdim=True).clamp(-1 + margin, 1 - margin)
    angle = cosine.acos()
    share = torch.as_tensor(share).to(angle).reshape(-1, 1)
    mixed = ((1 - share) * angle).sin() * x + (share * angle).sin() * y
    return mixed / angle.sin()


def geodesic_mixup(
    queries: Tensor,
    documents: Tensor,
    *,
    share: float | Tensor = 0.5,
    temperature: float | Tensor = 0.05,
) -> Tensor:
    """Return InfoNCE whose negatives are mixtures of a pair's own query and document.

    A mixture lies between the two sides, where nothing ought to be: pushing it away spreads both
    towers into the gap. Oh et al., "Geodesic Multi-Modal Mixup for Robust Fine-Tuning", NeurIPS
    2023: the positive is the pair itself, the negatives of item i the mixtures of all other pairs.

    Parameters
    ----------
    queries, documents : float [B, V]
        Document i belongs to query i; taken at unit length. Mixtures of sparse vectors that are not
        negative are not negative either.
    share
        How far from the query a mixture lies: a number, or float [B].
    temperature
        Divides the cosines.

    Raises
    ------
    InputError
        If shapes differ.
    """
    if queries.shape != documents.shape:
        raise InputError(
            f"queries are {tuple(queries.shape)} and documents {tuple(documents.shape)}; expected "
            "the same shape"
        )
    sides = [functional.normalize(vectors, dim=1) for vectors in (queries, documents)]
    mixed = slerp(queries, documents, share)
    own = torch.eye(len(mixed), dtype=torch.bool, device=mixed.device)
    positives = (sides[0] * sides[1]).sum(1)
    losses = []
    for side in sides:
        scores = torch.where(own, positives[:, None], side @ mixed.T) / temperature
        losses.append(-scores.log_softmax(1).diagonal().mean())
    return torch.stack(losses).mean()
