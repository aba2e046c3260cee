"""Losses that look at hard negatives: captions of which a word was changed, near neighbours.

Hard negatives are columns after the q-th of a score matrix [q, d], or what a batch happens to hold;
`positives` and `ignored` are as for :func:`rarefy.sparse.objectives.info_nce`.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from rarefy.errors import InputError
from rarefy.sparse.objectives.directions import Directions, averaged
from rarefy.sparse.objectives.negatives import positives_of

__all__ = ["hard_negative_nce", "ranked_margin"]


def hard_negative_nce(
    scores: Tensor,
    positives: Tensor | None = None,
    ignored: Tensor | None = None,
    *,
    hardness: float = 0.25,
    temperature: float | Tensor = 1.0,
    directions: Directions = "both",
) -> Tensor:
    r"""Return InfoNCE in which a negative counts the more the higher it scores.

    With p the positive of query i (the mean over several), N the n negatives of it,

    .. math:: -\log \frac{e^{s_{ip} / \tau}}{e^{s_{ip} / \tau}
              + \sum_{j \in N} w_{ij} e^{s_{ij} / \tau}}, \qquad
              w_{ij} = \frac{n \, e^{\beta s_{ij} / \tau}}{\sum_{k \in N} e^{\beta s_{ik} / \tau}}

    Radenovic et al., "Filtering, Distillation, and Hard Negatives for Vision-Language
    Pre-Training", CVPR 2023, with its factor of the positive at 1.

    Parameters
    ----------
    scores, positives, ignored, temperature, directions
        As for :func:`rarefy.sparse.objectives.info_nce`.
    hardness
        Beta, 0 or more; 0 is InfoNCE of one positive.

    Raises
    ------
    InputError
        If beta is negative, or no query has a positive.
    """
    if not hardness >= 0:
        raise InputError(f"hardness is {hardness}; expected 0 or more")
    positives = positives_of(scores, positives)
    loss = partial(_hard, hardness=hardness)
    return averaged(loss, directions, scores / temperature, positives, ignored)


def ranked_margin(
    scores: Tensor,
    positives: Tensor | None = None,
    ignored: Tensor | None = None,
    *,
    most: float = 0.2,
    directions: Directions = "both",
) -> Tensor:
    r"""Return by how much negatives come within a margin of positives that grows as they part.

    With the differences :math:`s_{ip} - s_{ij}` of each positive p and negative j of query i, their
    mean :math:`\mu`, and the margin :math:`m = \min(\max(\mu, 0), most)`, the mean of
    :math:`relu(m - (s_{ip} - s_{ij}))`. The cross-modal rank loss of Zhang et al., "Contrasting
    Intra-Modal and Ranking Cross-Modal Hard Negatives to Enhance Visio-Linguistic Compositional
    Understanding", CVPR 2024, whose adaptive threshold is the mean of the step before.

    Parameters
    ----------
    scores, positives, ignored, directions
        As for :func:`rarefy.sparse.objectives.info_nce`.
    most
        The largest margin, above 0.

    Raises
    ------
    InputError
        If the margin is not above 0, or no query has a positive.
    """
    if not most > 0:
        raise InputError(f"most is {most}; expected a margin above 0")
    positives = positives_of(scores, positives)
    return averaged(partial(_ranked, most=most), directions, scores, positives, ignored)


def _hard(scores: Tensor, positives: Tensor, ignored: Tensor | None, *, hardness: float) -> Tensor:
    negatives = ~positives if ignored is None else ~positives & ~ignored
    lowest = torch.finfo(scores.dtype).min / 4  # finite, for rows without negatives
    weighted, weights = (
        (factor * scores).masked_fill(~negatives, lowest).logsumexp(1, keepdim=True)
        for factor in (1 + hardness, hardness)
    )
    counts = negatives.sum(1, keepdim=True)
    others = (counts.clamp(min=1).log() + weighted - weights).masked_fill(counts == 0, -torch.inf)
    losses = torch.logaddexp(others, scores) - scores
    told = positives.any(1)
    own = (losses.masked_fill(~positives, 0).sum(1) / positives.sum(1).clamp(min=1))[told]
    return own.mean()


def _ranked(scores: Tensor, positives: Tensor, ignored: Tensor | None, *, most: float) -> Tensor:
    negatives = ~positives if ignored is None else ~positives & ~ignored
    apart = scores[:, :, None] - scores[:, None, :]
    compared = apart[positives[:, :, None] & negatives[:, None, :]]
    if not len(compared):
        return scores.sum() * 0
    margin = compared.detach().mean().clamp(0, most)
    return functional.relu(margin - compared).mean()
