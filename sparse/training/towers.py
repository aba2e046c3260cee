"""The recipe of a tower: a head that brings any frozen encoder into the vocabulary of a text model.

The text model can stay as it is (as in Zhai et al., "LiT: Zero-Shot Transfer with Locked-image text
Tuning", CVPR 2022, where the other side is locked), so towers are added one by one, and an index of
one stays good when another comes.

1. the text's head: of a text, what differs from the mean caption, at unit length (a layer norm); a
   row for each word, the encoder's vector of that word alone, half whitened, plus the direction in
   which captions tell best that they have the word; weights at unit length;
2. a tower's head: ridge regression of the captions' vectors, linear or of likenesses to the known
   items, then the text's head: one map; to its rows, the directions in which items tell best that
   their captions have the words;
3. what learns, if anything: projections, layer norms and biases, from the captions of items:
   cross-entropy of the scores of a batch to the captions' similarities (Nguyen et al., ECIR 2024),
   and of predicting the captions' words. Inputs are dropped out, for items are few.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from rarefy.errors import InputError
from rarefy.sparse.heads.dense_to_sparse import DenseToSparse
from rarefy.sparse.heads.landmarks import Landmarks
from rarefy.sparse.heads.words import predictors, whitened, word_columns
from rarefy.sparse.objectives import JointObjective, OwnWords, PairObjective, score_loss
from rarefy.sparse.training.alignment import Anchors, kernel_map, ridge_map
from rarefy.sparse.training.batches import Batch, PairBatches
from rarefy.sparse.training.guard import SparsityGuard
from rarefy.sparse.training.history import History
from rarefy.sparse.training.own_terms import OwnTerms, terms_of
from rarefy.sparse.training.trainer import TrainingPlan, train

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import DenseEncoder

__all__ = ["TowerPlan", "text_head", "train_tower"]

_TEMPERATURE = 0.05  # of the softmax over the captions' similarities
_WHITENED = 0.5
_PREDICTORS_RIDGE = 0.1
_PER_MILLE = 1000
_BATCH = 256
_SAMPLE = 512  # pairs that the scale of scores is matched on


@dataclass(frozen=True)
class TowerPlan:
    """How a tower is made.

    Parameters
    ----------
    steps
        Of at most 256 pairs each; 0 for the closed form alone. On emoji, steps made terms readable
        and took recall: docs/towers.md.
    learning_rate
        The highest.
    dropout
        Share of the inputs that a step sets to zero.
    own_words
        Weight of predicting the captions' words in a step.
    predictors
        Share of the directions that predict words in the tower's rows, where the text's rows are 1.
    frequent
        How many deviations a term gains for each factor e of captions that have it, of thousand.
    ridge
        Of the projection at first; see :func:`rarefy.sparse.training.alignment.ridge_map`.
    sharpness
        Of the likeness to the known items that the projection is of
        (:class:`rarefy.sparse.heads.landmarks.Landmarks`), which become a part of the head, so that
        there should be thousands at most; 0 for a projection of the vector itself.
    train_text
        Whether the text's head is trained, too, in place; if not, it stays as it is.
    seed
        Of the order of the pairs and of what is dropped.

    Raises
    ------
    InputError
        If a share is out of range.
    """

    steps: int = 0
    learning_rate: float = 3e-3
    dropout: float = 0.6
    own_words: float = 1.0
    ridge: float = 3.0
    sharpness: float = 0.0
    predictors: float = 1.0
    frequent: float = 1.0
    train_text: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is {self.dropout}; expected a share from 0 to below 1")
        if self.steps < 0:
            raise InputError(f"steps is {self.steps}; expected 0 or more")
        if not self.sharpness >= 0:
            raise InputError(f"sharpness is {self.sharpness}; expected 0 or more")


def text_head(
    encoder: DenseEncoder,
    captions: Sequence[str],
    *,
    words: int = 1000,
    query_terms: int = 64,
    document_terms: int = 128,
    share: float = 1.0,
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
    share
        Of the directions that predict words, where the words' own vectors are 1.
    """
    vectors = encoder.encode(captions)
    eligible = word_columns(encoder.vocabulary)
    own = terms_of(encoder.pipeline.tokenizer, captions, len(encoder.vocabulary))
    named = torch.from_numpy(np.unique(own.indices).astype(np.int64))
    columns = eligible[torch.isin(eligible, named) | (torch.arange(len(eligible)) < words)]
    head = DenseToSparse(
        encoder.dimension,
        len(encoder.vocabulary),
        len(columns),
        query_terms=query_terms,
        document_terms=document_terms,
        hidden_features=encoder.dimension,
        normalise=True,
        train_rows=False,
        activation="relu",
        unit=True,
    )
    head.columns = columns
    # "▁" and "Ġ" mark the start of a word in SentencePiece and byte-level vocabularies.
    alone = [encoder.vocabulary.terms[column].lstrip("▁Ġ") for column in columns.tolist()]
    rows = whitened(torch.from_numpy(encoder.encode(alone)), strength=_WHITENED)
    with torch.no_grad():
        if head.projection is not None:
            head.projection.bias.copy_(torch.from_numpy(-vectors.mean(0)))
        head.linear.weight.copy_(_telling(head, rows, vectors, own, share))
        head.linear.bias.zero_()
    head.standardise(*head.moments(vectors))
    return head.eval()


def train_tower(
    encoder: DenseEncoder,
    text: DenseToSparse,
    vectors: NDArray[np.floating],
    captions: Sequence[str],
    folder: str | Path,
    plan: TowerPlan | None = None,
    *,
    anchors: Anchors | None = None,
    resume: bool = False,
    minutes: float | None = None,
    progress: bool = False,
) -> tuple[DenseToSparse, History]:
    """Make a head for vectors of items that have captions.

    Parameters
    ----------
    encoder
        The text encoder.
    text
        Its head, by :func:`text_head`.
    vectors : float [n, d]
        Of items, by any encoder.
    captions
        One text each; an item may come several times.
    folder
        Of checkpoint, history and curves.
    plan
        By default ``TowerPlan()``.
    anchors
        Further pairs that the closed form rests on.
    resume, minutes, progress
        See :func:`train`.

    Returns
    -------
    head, history

    Raises
    ------
    InputError
        If there is not one vector for each caption.
    """
    plan = plan or TowerPlan()
    if len(vectors) != len(captions) or len(captions) < 2:
        raise InputError(
            f"there are {len(vectors)} vectors and {len(captions)} captions; expected one for "
            "each, and at least 2"
        )
    targets = encoder.encode(captions, progress=progress)
    known, meant, weights = vectors, targets, np.ones(len(vectors))
    if anchors is not None:
        known = np.concatenate([vectors, anchors.vectors])
        meant = np.concatenate([targets, encoder.encode(anchors.captions)])
        own = anchors.share * len(vectors) / len(anchors.captions)
        weights = np.concatenate([weights, np.full(len(anchors.captions), own)])
    head = _aligned(text, known, meant, weights, vectors, plan)
    terms = terms_of(encoder.pipeline.tokenizer, captions, len(encoder.vocabulary))
    _tell_words(head, vectors, terms, plan)
    if plan.steps == 0:
        return head, History()
    pairs = PairBatches(targets, vectors, size=min(_BATCH, len(captions)), seed=plan.seed)
    text.requires_grad_(plan.train_text)
    text.linear.weight.requires_grad_(False)
    heads = _Heads(text, head)
    loss = score_loss("score_matrix", teacher_temperature=_TEMPERATURE)
    objective = JointObjective(
        PairObjective(loss, scale=_matching_scale(heads, targets, vectors)),
        OwnWords(head, OwnTerms(terms, pairs.rows), weight=plan.own_words),
    )
    warmup = min(20, plan.steps)
    history = train(
        heads,
        _Dropped(pairs, plan.dropout, plan.seed),
        objective,
        TrainingPlan(plan.steps, plan.learning_rate, warmup=warmup, seed=plan.seed),
        folder,
        guard=SparsityGuard(dense=1.0),  # the share is of the head's words, not of all terms
        resume=resume,
        minutes=minutes,
        progress=progress,
    )
    return head, history


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


def _aligned(
    text: DenseToSparse,
    known: NDArray[np.floating],
    meant: NDArray[np.floating],
    weights: NDArray[np.floating],
    vectors: NDArray[np.floating],
    plan: TowerPlan,
) -> DenseToSparse:
    """Return the text's head over the map that predicts what known vectors mean."""
    if plan.sharpness == 0:
        return _composed(text, *ridge_map(known, meant, plan.ridge, weights))
    points, inverse = np.unique(known, axis=0, return_inverse=True)
    counts = np.bincount(inverse, weights).astype(np.float64)
    sums = np.zeros((len(points), meant.shape[1]), np.float32)
    np.add.at(sums, inverse, weights[:, None] * meant)
    landmarks = Landmarks.at(points, vectors, plan.sharpness)
    likeness = landmarks(torch.from_numpy(points).float()).numpy()
    means = (sums / counts[:, None]).astype(np.float32)
    alpha = kernel_map(likeness, means, plan.ridge, counts)
    return _composed(text, *alpha, landmarks)


@torch.no_grad()
def _composed(
    text: DenseToSparse,
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    landmarks: Landmarks | None = None,
) -> DenseToSparse:
    """Return the text's head over vectors that an affine map brings to the text encoder's space."""
    head = DenseToSparse(
        len(weight) if landmarks is None else landmarks.points.shape[1],
        text.vocabulary_size,
        text.active_terms,
        text.threshold,
        text.query_terms,
        text.document_terms,
        hidden_features=text.hidden_features,
        normalise=text.normalise,
        train_rows=False,
        activation=text.activation,
        unit=text.unit,
        landmarks=0 if landmarks is None else len(weight),
        sharpness=0.0 if landmarks is None else landmarks.sharpness,
    )
    head.kernel = landmarks
    mapped = ("projection.", "kernel.")
    own_state = {n: v for n, v in head.state_dict().items() if n.startswith(mapped)}
    head.load_state_dict({**text.state_dict(), **own_state})
    assert head.projection is not None and text.projection is not None
    own = text.projection.weight
    head.projection.weight.copy_(own @ torch.from_numpy(weight).T)
    head.projection.bias.copy_(own @ torch.from_numpy(bias) + text.projection.bias)
    return head.eval()


@torch.no_grad()
def _telling(
    head: DenseToSparse,
    rows: Tensor,
    vectors: NDArray[np.floating],
    terms: sparse.csr_array,
    share: float,
) -> Tensor:
    """Return unit rows [A, h] plus a share of the directions that tell which items have a term."""
    hidden = head.hidden(torch.from_numpy(np.asarray(vectors, dtype=np.float32))).numpy()
    found = predictors(hidden, terms[:, head.columns.numpy()], ridge=_PREDICTORS_RIDGE)
    return nn.functional.normalize(rows + share * found, dim=1)


@torch.no_grad()
def _tell_words(
    head: DenseToSparse,
    vectors: NDArray[np.floating],
    terms: sparse.csr_array,
    plan: TowerPlan,
) -> None:
    """Turn a tower's rows to the words of its items' captions, and lift those of many captions."""
    lengths = head.linear.weight.norm(dim=1, keepdim=True)
    rows = head.linear.weight / lengths.clamp(min=1e-12)
    head.linear.weight.copy_(lengths * _telling(head, rows, vectors, terms, plan.predictors))
    shares = np.asarray(terms.sum(0)).ravel()[head.columns.numpy()] / len(vectors)
    head.linear.bias.add_(plan.frequent * torch.from_numpy(np.log1p(_PER_MILLE * shares)).float())


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
