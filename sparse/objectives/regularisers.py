"""What keeps sparse vectors sparse, and alive.

All take the weights of a batch, float [n, V] and not negative, and return a scalar, but for
:func:`joint_top_k`, which returns weights. How much one counts at a step is a
:class:`rarefy.sparse.objectives.schedules.Schedule`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rarefy.errors import InputError

__all__ = ["DocumentFrequencies", "anti_zero", "df_flops", "flops", "joint_top_k", "l1"]


def l1(weights: Tensor) -> Tensor:
    """Return the mean over texts of the sum of their weights."""
    return weights.abs().sum(1).mean()


def flops(weights: Tensor, *, threshold: int = 0) -> Tensor:
    r"""Return the sum over terms of the squared mean weight: smooth for the products of a search.

    .. math:: \sum_v \left( \frac{1}{n} \sum_i w_{iv} \right)^2

    Paria et al., "Minimizing FLOPs to Learn Efficient Sparse Representations", ICLR 2020; equation
    4 of Formal, Piwowarski and Clinchant, "SPLADE", SIGIR 2021. The threshold is the l0 mask of
    Shen, Geng and Yang, "Exploring l0 Sparsification for Inference-free Sparse Retrievers", SIGIR
    2025.

    Parameters
    ----------
    weights : float [n, V]
        Of the batch.
    threshold
        Texts with no more terms than this are left alone; they still count in n.
    """
    return _mean_weights(weights, threshold).square().sum()


def df_flops(
    weights: Tensor, shares: Tensor, *, alpha: float = 0.1, beta: float = 10.0, threshold: int = 0
) -> Tensor:
    r"""Return FLOPS where a term counts by how many documents have it.

    .. math:: \sum_v u_v \left( \frac{1}{n} \sum_i w_{iv} \right)^2, \quad
              u_v = \frac{1}{1 + (x_v^{\log_\alpha 2} - 1)^\beta}

    Porco et al., "An Alternative to FLOPS Regularization to Effectively Productionize SPLADE-Doc",
    SIGIR 2025 (DF-FLOPS).

    Parameters
    ----------
    weights : float [n, V]
        Of the batch.
    shares : float [V]
        x: the share of documents that have the term; see :class:`DocumentFrequencies`.
    alpha
        The share at which a term counts half.
    beta
        How steeply that rises.
    threshold
        As for :func:`flops`.

    Raises
    ------
    InputError
        If alpha is not between 0 and 1, or beta not above 0.
    """
    if not (0 < alpha < 1 and beta > 0):
        raise InputError(
            f"alpha is {alpha} and beta {beta}; expected alpha between 0 and 1, beta above 0"
        )
    # A term of no document: x ** log_alpha(2) is inf, u is 0.
    rises = (shares.detach() ** (math.log(2) / math.log(alpha)) - 1).clamp(min=0)
    return (_mean_weights(weights, threshold).square() / (1 + rises**beta)).sum()


def anti_zero(weights: Tensor) -> Tensor:
    r"""Return a barrier that keeps a batch from becoming all zeros.

    .. math:: \left( \sum_{i,v} w_{iv} \right)^{-2}

    The term of that name in the published training code of SPLADE (naver/splade,
    ``splade/hf/trainers.py``). Finite, and without a gradient, where all weights are zero.
    """
    return 1 / weights.sum().clamp(min=1e-6).square()


def joint_top_k(weights: Tensor, k: float) -> Tensor:
    """Return the weights with all but the n * k largest of the batch set to zero.

    A text may have more terms than k at the cost of another: Bussmann, Leask and Nanda, "BatchTopK
    Sparse Autoencoders", 2024.

    Parameters
    ----------
    weights : float [n, V]
        Of the batch.
    k
        Terms of a text in the mean; anneal it with a schedule.

    Raises
    ------
    InputError
        If not one term would be left.
    """
    kept = min(round(k * len(weights)), weights.numel())
    if kept < 1:
        raise InputError(f"k is {k}; expected at least one term in the batch")
    values, places = weights.flatten().topk(kept, sorted=False)
    return torch.zeros_like(weights).flatten().scatter(0, places, values).view_as(weights)


class DocumentFrequencies(nn.Module):
    """A running estimate of the share of documents that have each term; saved with the trainer.

    Parameters
    ----------
    vocabulary_size
        V.
    memory
        How much of the estimate an update keeps; 0 replaces it, as in the paper of
        :func:`df_flops`, where it is made of all validation documents every 100 steps.
    """

    def __init__(self, vocabulary_size: int, memory: float = 0.99) -> None:
        super().__init__()
        if not 0 <= memory < 1:
            raise InputError(f"memory is {memory}; expected at least 0 and less than 1")
        self.memory = memory
        self.shares: Tensor
        self.updates: Tensor
        self.register_buffer("shares", torch.zeros(vocabulary_size))
        self.register_buffer("updates", torch.tensor(0))

    @torch.no_grad()
    def update(self, weights: Tensor) -> Tensor:
        """Take in the weights [n, V] of a batch of documents; return the shares [V]."""
        self.updates += 1
        # Plain means at first: what has been seen should outweigh the zeros it began with.
        memory = min(self.memory, 1 - 1 / int(self.updates))
        self.shares.lerp_((weights > 0).to(self.shares).mean(0), 1 - memory)
        return self.shares


def _mean_weights(weights: Tensor, threshold: int) -> Tensor:
    if threshold:
        weights = weights * ((weights > 0).sum(1, keepdim=True) > threshold)
    return weights.abs().mean(0)
