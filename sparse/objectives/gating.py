"""Supervision of items that have no words by the captions that have."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from rarefy.errors import InputError

__all__ = ["caption_gated"]


def caption_gated(logits: Tensor, captions: Tensor) -> Tensor:
    r"""Return the cross-entropy of having the caption's terms, those first that the item leans to.

    With p the sigmoid of an item's logits, :math:`\bar p` its mean over the batch and c the
    caption's weights, the target is a distribution over the caption's terms alone,

    .. math:: o_{iv} \propto c_{iv} (p_{iv} + \bar p_v), \qquad
              -\frac{1}{n} \sum_i \sum_v o_{iv} \log \sigma(z_{iv})

    A caption says what is in a picture and more: its terms count by how far the picture has them
    already. After the caption-gated term of V-SPLADE (2026); no gradient flows to the target.

    Parameters
    ----------
    logits : float [n, V]
        Of the items, before any activation.
    captions : float [n, V]
        Weights of the captions' terms, 0 for the others.

    Raises
    ------
    InputError
        If no caption has a term.
    """
    told = (captions > 0).any(1)
    if not told.any():
        raise InputError("captions have no term in any row; expected at least one")
    # Logarithms: the chances of terms that a picture is far from having would be 0.
    chances = functional.logsigmoid(logits.detach())
    mean = chances.logsumexp(0) - math.log(len(chances))
    gates = captions.detach().log() + torch.logaddexp(chances, mean)
    targets = gates[told].softmax(1)
    return -(targets * functional.logsigmoid(logits[told])).sum(1).mean()
