"""Contrastive losses on a score matrix, from labels.

All take float scores [q, d]: dot products of sparse or of dense vectors. `positives` and `ignored`
are bool [q, d]; see :mod:`rarefy.sparse.objectives.negatives`. All return a scalar.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from rarefy.errors import InputError
from rarefy.sparse.objectives.directions import Directions, averaged
from rarefy.sparse.objectives.negatives import diagonal, positives_of

__all__ = ["any_positive_nce", "info_loob", "info_nce", "sigmoid_loss", "weighted_info_nce"]


def info_nce(
    scores: Tensor,
    positives: Tensor | None = None,
    ignored: Tensor | None = None,
    *,
    weights: Tensor | None = None,
    temperature: float | Tensor = 1.0,
    directions: Directions = "both",
) -> Tensor:
    r"""Return the cross-entropy of picking each query's positives out of all documents.

    With P(i) the positives of query i, w = 1 without weights, and the mean over queries that have
    any,

    .. math:: -\frac{1}{q} \sum_i \frac{1}{|P(i)|} \sum_{p \in P(i)} w_{ip}
              \log \frac{\exp(s_{ip} / \tau)}{\sum_j \exp(s_{ij} / \tau)}

    One positive: van den Oord, Li and Vinyals, "Representation Learning with Contrastive Predictive
    Coding", 2018, equation 4. Several: L_out of Khosla et al., "Supervised Contrastive Learning",
    NeurIPS 2020, equation 2. Weights: Zhu, Jung and Clark, "Generalized Contrastive Learning for
    Multi-Modal Retrieval and Ranking", 2024.

    Parameters
    ----------
    scores : float [q, d]
        Document i is query i's positive; further columns are hard negatives.
    positives : bool [q, d]
        The positives, if not the diagonal.
    ignored : bool [q, d]
        Cells that are no negatives, such as false ones.
    weights : float [q, d]
        Of the positives: how relevant each is.
    temperature
        Divides the scores.
    directions
        Whether queries pick documents, documents queries (those that have any), or the mean.

    Raises
    ------
    InputError
        If no query has a positive, or there are no such directions.
    """
    positives = positives_of(scores, positives)
    return averaged(_info_nce, directions, scores / temperature, positives, ignored, weights)


def any_positive_nce(
    scores: Tensor,
    positives: Tensor | None = None,
    ignored: Tensor | None = None,
    *,
    temperature: float | Tensor = 1.0,
    directions: Directions = "both",
) -> Tensor:
    r"""Return the cross-entropy of picking any of a query's positives, of which one is enough.

    .. math:: -\frac{1}{q} \sum_i \log \frac{\sum_{p \in P(i)} \exp(s_{ip} / \tau)}
              {\sum_j \exp(s_{ij} / \tau)}

    Miech et al., "End-to-End Learning of Visual Representations from Uncurated Instructional
    Videos", CVPR 2020 (MIL-NCE): for a picture of whose captions some say little, as the dense
    captions of Doveh et al., "Dense and Aligned Captions (DAC) Promote Compositional Reasoning in
    VL Models", NeurIPS 2023.

    Parameters
    ----------
    scores, positives, ignored, temperature, directions
        As for :func:`info_nce`.

    Raises
    ------
    InputError
        If no query has a positive.
    """
    positives = positives_of(scores, positives)
    return averaged(_any, directions, scores / temperature, positives, ignored)


def info_loob(
    scores: Tensor,
    positives: Tensor | None = None,
    ignored: Tensor | None = None,
    *,
    temperature: float | Tensor = 1.0,
    directions: Directions = "both",
) -> Tensor:
    r"""Return InfoNCE without the positive in its denominator, which never saturates.

    With N(i) the negatives of query i,

    .. math:: -\frac{1}{q} \sum_i \frac{1}{|P(i)|} \sum_{p \in P(i)}
              \log \frac{\exp(s_{ip} / \tau)}{\sum_{j \in N(i)} \exp(s_{ij} / \tau)}

    Fürst et al., "CLOOB: Modern Hopfield Networks with InfoLOOB Outperform CLIP", NeurIPS 2022,
    without its retrieval of averages. It has no lower bound: use it on cosines.

    Parameters
    ----------
    scores, positives, ignored, temperature, directions
        As for :func:`info_nce`.

    Raises
    ------
    InputError
        If no query has a positive, or one that has some has no negative.
    """
    positives = positives_of(scores, positives)
    return averaged(_info_loob, directions, scores / temperature, positives, ignored)


def weighted_info_nce(
    scores: Tensor,
    teacher: Tensor,
    positives: Tensor | None = None,
    ignored: Tensor | None = None,
    *,
    by: Literal["score", "rank"] = "score",
    temperature: float | Tensor = 1.0,
    directions: Directions = "both",
) -> Tensor:
    """Return InfoNCE whose positives count by how relevant a teacher, or the data, says they are.

    See :func:`info_nce`. A weight is the teacher's score, or 0 where that is negative, or
    ``1 / log2(1 + rank)`` for the rank of the document in the query's row: the discount of DCG
    (Järvelin and Kekäläinen, 2002).

    Parameters
    ----------
    scores, positives, ignored, temperature, directions
        As for :func:`info_nce`.
    teacher : float [q, d]
        Relevance of each document to each query.
    by
        ``"score"`` or ``"rank"``.

    Raises
    ------
    InputError
        If there is no such weight.
    """
    if by == "score":
        weights = teacher.clamp(min=0)
    elif by == "rank":
        ranks = teacher.argsort(dim=1, descending=True, stable=True).argsort(1) + 1
        weights = 1 / (1 + ranks).log2()
    else:
        raise InputError(f"by is {by!r}; expected 'score' or 'rank'")
    return info_nce(
        scores,
        positives,
        ignored,
        weights=weights,
        temperature=temperature,
        directions=directions,
    )


def sigmoid_loss(
    scores: Tensor,
    positives: Tensor | None = None,
    ignored: Tensor | None = None,
    *,
    scale: float | Tensor = 10.0,
    bias: float | Tensor = -10.0,
) -> Tensor:
    r"""Return the cross-entropy of telling, pair by pair, positives from negatives.

    With z = 1 for positives and -1 for negatives,

    .. math:: -\frac{1}{q} \sum_{i,j} \log \sigma(z_{ij} (t s_{ij} + b))

    Zhai, Mustafa, Kolesnikov and Beyer, "Sigmoid Loss for Language Image Pre-Training", ICCV 2023,
    algorithm 1. Scores of sparse vectors are never negative, so the bias is needed.

    Parameters
    ----------
    scores, positives, ignored
        As for :func:`info_nce`.
    scale, bias
        t and b; the defaults are the paper's initial values.
    """
    positives = diagonal(scores) if positives is None else positives
    logits = scores * scale + bias
    losses = -functional.logsigmoid(torch.where(positives, logits, -logits))
    if ignored is not None:
        losses = losses.masked_fill(ignored & ~positives, 0)
    return losses.sum() / len(scores)


def _any(scores: Tensor, positives: Tensor, ignored: Tensor | None) -> Tensor:
    if ignored is not None:
        scores = scores.masked_fill(ignored & ~positives, -torch.inf)
    told = positives.any(1)
    own = scores[told].masked_fill(~positives[told], -torch.inf).logsumexp(1)
    return (scores[told].logsumexp(1) - own).mean()


def _info_loob(logits: Tensor, positives: Tensor, ignored: Tensor | None) -> Tensor:
    negatives = ~positives if ignored is None else ~(positives | ignored)
    counts = positives.sum(1)
    labelled = counts > 0
    if not negatives[labelled].any(1).all():
        raise InputError("a query has no negatives; expected at least one for each")
    pulls = logits.masked_fill(~positives, 0).sum(1)[labelled] / counts[labelled]
    pushes = logits.masked_fill(~negatives, -torch.inf)[labelled].logsumexp(1)
    return (pushes - pulls).mean()


def _info_nce(
    logits: Tensor, positives: Tensor, ignored: Tensor | None, weights: Tensor | None
) -> Tensor:
    if ignored is not None:
        logits = logits.masked_fill(ignored & ~positives, -torch.inf)
    losses = -logits.log_softmax(1).masked_fill(~positives, 0)
    if weights is not None:
        losses = losses * weights
    counts = positives.sum(1)
    labelled = counts > 0
    return (losses.sum(1)[labelled] / counts[labelled]).mean()
