"""Losses that make a student's scores, or what can be decoded from its vectors, a teacher's.

Scores of the student and of the teacher are float [q, d]; all return a scalar. No gradient flows
to the teacher.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from rarefy.errors import InputError
from rarefy.sparse.objectives.directions import Directions, averaged
from rarefy.sparse.objectives.negatives import diagonal

__all__ = ["kl_divergence", "margin_mse", "reconstruction", "score_matrix"]


def kl_divergence(
    scores: Tensor,
    teacher: Tensor,
    ignored: Tensor | None = None,
    *,
    temperature: float | Tensor = 1.0,
    teacher_temperature: float = 1.0,
    directions: Directions = "queries",
) -> Tensor:
    r"""Return the divergence of the student's choice among documents from the teacher's.

    With p the softmax of the teacher's row and s that of the student's, each divided by its
    temperature, the mean over rows of

    .. math:: KL(p \| s) = \sum_j p_j (\log p_j - \log s_j)

    Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015, section 2; there
    it is multiplied by the square of the temperature, here it is not.

    Parameters
    ----------
    scores, teacher : float [q, d]
        The student's and the teacher's scores.
    ignored : bool [q, d]
        Cells that take no part, such as padding.
    temperature, teacher_temperature
        Divide the student's and the teacher's scores.
    directions
        Whether queries choose among documents, documents among queries, or the mean of both.
    """
    teacher = teacher.detach() / teacher_temperature
    return averaged(_divergence, directions, scores / temperature, teacher, ignored)


def score_matrix(
    scores: Tensor,
    teacher: Tensor,
    ignored: Tensor | None = None,
    *,
    temperature: float | Tensor = 1.0,
    teacher_temperature: float = 0.05,
    directions: Directions = "both",
) -> Tensor:
    r"""Return the cross-entropy to the frozen dense encoder's score matrix, by row and by column.

    With p and s as for :func:`kl_divergence`, the mean over rows of

    .. math:: - \sum_j p_j \log s_j

    so it is that divergence plus the teacher's entropy. Nguyen, Hendriksen, Yates and de Rijke,
    "Multimodal Learned Sparse Retrieval with Probabilistic Expansion Control", ECIR 2024, where the
    teacher's temperature is .001 (nearly the label of its best document) and the student has none.

    Parameters
    ----------
    scores, teacher, ignored, temperature, teacher_temperature, directions
        As for :func:`kl_divergence`.
    """
    teacher = teacher.detach() / teacher_temperature
    return averaged(_cross_entropy, directions, scores / temperature, teacher, ignored)


def margin_mse(
    scores: Tensor,
    teacher: Tensor,
    positives: Tensor | None = None,
    ignored: Tensor | None = None,
) -> Tensor:
    r"""Return the squared difference of the student's and the teacher's margins.

    The mean over queries i, their positives p and negatives n of

    .. math:: ((s_{ip} - s_{in}) - (t_{ip} - t_{in}))^2

    Hofstätter, Althammer, Schröder, Sertkan and Hanbury, "Improving Efficient Neural Ranking Models
    with Cross-Architecture Knowledge Distillation", 2020 (Margin-MSE).

    Parameters
    ----------
    scores, teacher : float [q, d]
        The student's and the teacher's scores.
    positives, ignored : bool [q, d]
        The positives, by default the diagonal, and the cells that are neither.

    Raises
    ------
    InputError
        If no query has both a positive and a negative.
    """
    positives = diagonal(scores) if positives is None else positives
    negatives = ~positives if ignored is None else ~(positives | ignored)
    queries, columns = positives.nonzero(as_tuple=True)
    differences = scores - teacher.detach()
    margins = differences[queries, columns, None] - differences[queries]
    compared = margins[negatives[queries]]
    if not len(compared):
        raise InputError("no query has both a positive and a negative; expected at least one")
    return compared.square().mean()


def reconstruction(
    decoded: Tensor, vectors: Tensor, *, metric: Literal["cosine", "squared"] = "cosine"
) -> Tensor:
    """Return how far decoded vectors are from the dense vectors that were encoded.

    Parameters
    ----------
    decoded, vectors : float [n, h]
        What a decoder makes of the sparse vectors, and what they were made of.
    metric
        ``"cosine"``: 1 - cosine. ``"squared"``: the mean squared difference, as in the
        reconstruction term of Wen et al., "Beyond Matryoshka: Revisiting Sparse Coding for Adaptive
        Representation", ICML 2025.

    Raises
    ------
    InputError
        If there is no such metric.
    """
    if metric == "cosine":
        return 1 - functional.cosine_similarity(decoded, vectors.detach(), dim=1).mean()
    if metric == "squared":
        return functional.mse_loss(decoded, vectors.detach())
    raise InputError(f"metric is {metric!r}; expected 'cosine' or 'squared'")


def _cross_entropy(scores: Tensor, teacher: Tensor, ignored: Tensor | None) -> Tensor:
    scores, teacher = _without(ignored, scores), _without(ignored, teacher)
    return -(teacher.softmax(1) * scores.log_softmax(1)).sum(1).mean()


def _divergence(scores: Tensor, teacher: Tensor, ignored: Tensor | None) -> Tensor:
    own = _cross_entropy(teacher, teacher, ignored)
    return _cross_entropy(scores, teacher, ignored) - own


def _without(ignored: Tensor | None, scores: Tensor) -> Tensor:
    if ignored is None:
        return scores
    # Not -inf, whose product with a probability of zero is no number.
    return scores.masked_fill(ignored, torch.finfo(scores.dtype).min / 2)
