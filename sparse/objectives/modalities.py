"""Contrastive losses over more than two vectors of an item: a picture, its name, a sound."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from rarefy.errors import InputError

__all__ = ["symile", "universal_contrast"]


def universal_contrast(*modalities: Tensor, temperature: float | Tensor = 1.0) -> Tensor:
    r"""Return the cross-entropy of finding an item's other vectors among those of all modalities.

    For each ordered pair of modalities a and b, each item i, and K all vectors of the batch but
    :math:`a_i` itself, the mean of

    .. math:: -\log \frac{\exp(a_i \cdot b_i / \tau)}{\sum_{k \in K} \exp(a_i \cdot k / \tau)}

    Negatives of the same modality keep modalities from being told apart. After "Generalized
    Contrastive Learning for Universal Multimodal Retrieval", 2025; a fused item is one more
    modality.

    Parameters
    ----------
    *modalities : float [B, V]
        At least two; row i of each is of item i.
    temperature
        Divides the scores.

    Raises
    ------
    InputError
        If there are fewer than two, or shapes differ.
    """
    _check(modalities, 2)
    items, count = len(modalities[0]), len(modalities)
    vectors = torch.cat(modalities)
    scores = vectors @ vectors.T / temperature
    itself = torch.eye(len(vectors), dtype=torch.bool, device=scores.device)
    chances = scores.masked_fill(itself, -torch.inf).log_softmax(1)
    rows = torch.arange(len(vectors), device=scores.device)
    others = [chances[rows, (rows + items * shift) % len(rows)] for shift in range(1, count)]
    return -torch.stack(others).mean()


def symile(one: Tensor, two: Tensor, three: Tensor, *, scale: float | Tensor = 1.0) -> Tensor:
    r"""Return the cross-entropy of picking the pair of vectors that completes an item.

    The score of three vectors is :math:`\sum_v x_v y_v z_v`, which sees what no two of them say.
    Each modality picks in turn; negatives are the other items' pairs, and, with the second vector
    moved on by one item, pairs that do not belong together.

    Saporta, Puli, Goldstein and Ranganath, "Contrasting with Symile: Simple Model-Agnostic
    Representation Learning for Unlimited Modalities", NeurIPS 2024.

    Parameters
    ----------
    one, two, three : float [B, V]
        Row i of each is of item i.
    scale
        Multiplies the scores.

    Raises
    ------
    InputError
        If shapes differ.
    """
    sides = (one, two, three)
    _check(sides, 3)
    own = torch.arange(len(one), device=one.device)
    losses = []
    for turn in range(3):
        asking, first, second = (sides[(turn + shift) % 3] for shift in range(3))
        pairs = [first * second]
        if len(one) > 1:
            pairs.append(first * second.roll(1, 0))
        losses.append(functional.cross_entropy(scale * asking @ torch.cat(pairs).T, own))
    return torch.stack(losses).mean()


def _check(modalities: tuple[Tensor, ...], fewest: int) -> None:
    shapes = {tuple(vectors.shape) for vectors in modalities}
    if len(modalities) < fewest or len(shapes) != 1:
        told = ", ".join(map(str, sorted(shapes))) or "none"
        raise InputError(
            f"{len(modalities)} modalities have the shapes {told}; expected {fewest} or more of "
            "one, [B, V]"
        )
