"""The recipe of a tower: a head that brings any frozen encoder into the vocabulary of a text model.

The text model stays as it is (as in Zhai et al., "LiT: Zero-Shot Transfer with Locked-image text
Tuning", CVPR 2022, where the other side is locked), so towers are added one by one, and an index of
one stays good when another comes.

1. rows: the text model's own, at first;
2. a projection of the encoder's vectors to the text encoder's, at first by ridge regression of the
   captions' vectors, and a layer norm;
3. each term standardised over the tower's vectors;
4. what learns: projection, layer norm and biases, from the captions of items: cross-entropy of the
   scores of a batch to the captions' similarities (Nguyen et al., ECIR 2024), and of predicting the
   captions' words. Inputs are dropped out, for items are few.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rarefy.errors import InputError
from rarefy.sparse.heads.dense_to_sparse import DenseToSparse
from rarefy.sparse.heads.words import word_columns
from rarefy.sparse.objectives import JointObjective, OwnWords, PairObjective, score_loss
from rarefy.sparse.training.batches import Batch, PairBatches
from rarefy.sparse.training.guard import SparsityGuard
from rarefy.sparse.training.history import History
from rarefy.sparse.training.own_terms import OwnTerms, terms_of
from rarefy.sparse.training.trainer import TrainingPlan, train

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import DenseEncoder

__all__ = ["ridge_map", "text_head", "train_tower"]

_TEMPERATURE = 0.05  # of the softmax over the captions' similarities
_RIDGE = 1.0
_BATCH = 256
_SAMPLE = 512  # pairs that the scale of scores is matched on


def text_head(
    encoder: DenseEncoder,
    captions: Sequence[str],
    *,
    words: int = 1000,
    query_terms: int = 64,
    document_terms: int = 128,
) -> DenseToSparse:
    """Make the untrained head of a text model that towers are brought to.

    Parameters
    ----------
    encoder
        The text encoder.
    captions
        Texts like those that items are called by: their words get columns, and every term is
        standardised over them.
    words
        How many more words get one: the first of the vocabulary, which lists frequent ones first.
    query_terms, document_terms
        How many terms a text keeps at most.
    """
    vectors = encoder.encode(captions)
    eligible = word_columns(encoder.vocabulary)
    own = terms_of(encoder.pipeline.tokenizer, captions, len(encoder.vocabulary))
    named = torch.from_numpy(np.unique(own.indices).astype(np.int64))
    columns = eligible[torch.isin(eligible, named) | (torch.arange(len(eligible)) < words)]
    head = DenseToSparse.tied_to(
        encoder,
        columns=columns,
        query_terms=query_terms,
        document_terms=document_terms,
        hidden_features=encoder.dimension,
        train_rows=False,
    )
    head.standardise(*head.moments(vectors))
    return head


def train_tower(
    encoder: DenseEncoder,
    text: DenseToSparse,
    vectors: NDArray[np.floating],
    captions: Sequence[str],
    folder: str | Path,
    *,
    train_text: bool = True,
    steps: int = 200,
    learning_rate: float = 3e-3,
    dropout: float = 0.6,
    own_words: float = 1.0,
    ridge: float = _RIDGE,
    seed: int = 0,
    resume: bool = False,
    minutes: float | None = None,
    progress: bool = False,
) -> tuple[DenseToSparse, History]:
    """Train a head for vectors of items that have captions.

    Parameters
    ----------
    encoder
        The text encoder.
    text
        Its head.
    vectors : float [n, d]
        Of items, by any encoder.
    captions
        One text each; an item may come several times.
    folder
        Of checkpoint, history and curves.
    train_text
        Whether the text's head is trained, too, in place; if not, it stays as it is.
    steps
        Of at most 256 pairs each; 0 for the start alone, which needs no training.
    learning_rate
        The highest.
    dropout
        Share of the inputs that a step sets to zero.
    own_words
        Weight of predicting the captions' words.
    ridge
        Of the projection at first; see :func:`ridge_map`.
    seed
        Of the order of the pairs and of what is dropped.
    resume, minutes, progress
        See :func:`train`.

    Returns
    -------
    head, history

    Raises
    ------
    InputError
        If there is not one vector for each caption, or a share is out of range.
    """
    if len(vectors) != len(captions) or len(captions) < 2:
        raise InputError(
            f"there are {len(vectors)} vectors and {len(captions)} captions; expected one for "
            "each, and at least 2"
        )
    if not 0 <= dropout < 1:
        raise InputError(f"dropout is {dropout}; expected a share from 0 to below 1")
    targets = encoder.encode(captions, progress=progress)
    head = _untrained(text, vectors, targets, ridge)
    if steps == 0:
        return head, History()
    pairs = PairBatches(targets, vectors, size=min(_BATCH, len(captions)), seed=seed)
    own = terms_of(encoder.pipeline.tokenizer, captions, len(encoder.vocabulary))
    text.requires_grad_(train_text)
    text.linear.weight.requires_grad_(False)
    heads = _Heads(text, head)
    loss = score_loss("score_matrix", teacher_temperature=_TEMPERATURE)
    objective = JointObjective(
        PairObjective(loss, scale=_matching_scale(heads, targets, vectors)),
        OwnWords(head, OwnTerms(own, pairs.rows), weight=own_words),
    )
    history = train(
        heads,
        _Dropped(pairs, dropout, seed),
        objective,
        TrainingPlan(steps, learning_rate, warmup=min(20, steps), seed=seed),
        folder,
        guard=SparsityGuard(dense=1.0),  # the share is of the head's words, not of all terms
        resume=resume,
        minutes=minutes,
        progress=progress,
    )
    return head, history


def ridge_map(
    vectors: NDArray[np.floating], targets: NDArray[np.floating], ridge: float = _RIDGE
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    r"""Return the affine map that predicts targets best, by ridge regression.

    With X and Y centred and :math:`\bar\sigma` the mean of the n eigenvalues of
    :math:`X X^\top`,

    .. math:: W = X^\top (X X^\top + \lambda \bar\sigma I)^{-1} Y, \qquad b = \bar y - W^\top \bar x

    Hoerl and Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems", 1970.

    Parameters
    ----------
    vectors : float [n, d]
    targets : float [n, h]
    ridge
        Lambda.

    Returns
    -------
    weight : float32 [d, h], bias : float32 [h]
    """
    x, y = (np.asarray(side, dtype=np.float64) for side in (vectors, targets))
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    damping = ridge * max(float((x * x).sum()), 1e-12) / len(x)
    # The smaller of two systems with the same solution.
    if x.shape[1] <= len(x):
        weight = np.linalg.solve(x.T @ x + damping * np.eye(x.shape[1]), x.T @ y)
    else:
        weight = x.T @ np.linalg.solve(x @ x.T + damping * np.eye(len(x)), y)
    return weight.astype(np.float32), (y_mean - x_mean @ weight).astype(np.float32)


class _Heads(nn.Module):
    """The text head for queries and the tower's for documents, over the columns of both."""

    def __init__(self, text: DenseToSparse, tower: DenseToSparse) -> None:
        super().__init__()
        self.text = text
        self.tower = tower

    def forward(self, features: dict[str, Any], *, task: str) -> dict[str, Any]:
        head = self.text if task == "query" else self.tower
        weights, columns = head.heaviest(features["sentence_embedding"], task)
        places = torch.searchsorted(head.columns, columns)
        result = weights.new_zeros((len(weights), head.active_terms))
        features["sentence_embedding"] = result.scatter(1, places, weights)
        return features


@dataclass(frozen=True)
class _Dropped:
    """Batches whose documents lose a share of their inputs (Srivastava et al. 2014)."""

    batches: Callable[[int], Batch]
    share: float
    seed: int

    def __call__(self, step: int) -> Batch:
        queries, documents = self.batches(step)
        generator = torch.Generator().manual_seed((self.seed << 32) + step)
        kept = torch.rand(documents.shape, generator=generator) >= self.share
        return Batch(queries, documents * kept / (1 - self.share))


def _untrained(
    text: DenseToSparse,
    vectors: NDArray[np.floating],
    targets: NDArray[np.floating],
    ridge: float,
) -> DenseToSparse:
    head = DenseToSparse(
        vectors.shape[1],
        text.vocabulary_size,
        text.active_terms,
        text.threshold,
        text.query_terms,
        text.document_terms,
        hidden_features=text.in_features,
        normalise=True,
        train_rows=False,
    )
    head.columns = text.columns
    weight, bias = map(torch.from_numpy, ridge_map(vectors, targets, ridge))
    with torch.no_grad():
        if head.projection is not None:
            head.projection.weight.copy_(weight.T)
            head.projection.bias.copy_(bias)
        head.linear.weight.copy_(text.linear.weight)
        head.linear.bias.zero_()
    head.standardise(*head.moments(np.asarray(vectors, dtype=np.float32)))
    return head.eval()


@torch.no_grad()
def _matching_scale(
    heads: _Heads, targets: NDArray[np.float32], vectors: NDArray[np.floating]
) -> float:
    """Return what makes a caption's scores spread as the targets of the softmax do."""
    sides = [torch.from_numpy(side[:_SAMPLE].astype(np.float32)) for side in (targets, vectors)]
    weights: list[Tensor] = [
        heads({"sentence_embedding": side}, task=task)["sentence_embedding"]
        for side, task in zip(sides, ("query", "document"), strict=True)
    ]
    spread = (weights[0] @ weights[1].T).std(1).mean()
    wanted = (sides[0] @ sides[0].T).std(1).mean() / _TEMPERATURE
    return float(wanted / spread) if spread > 0 else 1.0
