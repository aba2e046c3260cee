"""Losses that want two towers to put items in the same order."""

from __future__ import annotations

from torch import Tensor

from rarefy.sparse.objectives.directions import Directions, averaged

__all__ = ["rank_consistency"]


def rank_consistency(
    scores: Tensor,
    teacher: Tensor,
    *,
    temperature: float | Tensor = 1.0,
    directions: Directions = "both",
) -> Tensor:
    r"""Return how unlikely the teacher's order of documents is by the scores.

    With :math:`\pi` the documents of a row by falling teacher's score, the mean over rows and
    places k of

    .. math:: \log \sum_{j \ge k} \exp(s_{\pi(j)} / \tau) - s_{\pi(k)} / \tau

    the Plackett-Luce model, as in Zhang et al., "RankCLIP: Ranking-Consistent Language-Image
    Pretraining", 2024: there the teacher of the scores of one direction is the other direction
    (``scores.T``), or the scores within a modality.

    Parameters
    ----------
    scores, teacher : float [q, d]
        The student's and the teacher's scores.
    temperature
        Divides the student's scores.
    directions
        Whether documents are ordered for queries, queries for documents, or the mean of both.
    """
    return averaged(_plackett_luce, directions, scores / temperature, teacher.detach())


def _plackett_luce(scores: Tensor, teacher: Tensor) -> Tensor:
    ordered = scores.gather(1, teacher.argsort(dim=1, descending=True, stable=True))
    left = ordered.flip(1).logcumsumexp(1).flip(1)
    return (left - ordered).mean()
