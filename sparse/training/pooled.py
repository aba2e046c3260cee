"""The recipe of a readable head over pooled vectors.

1. words: those that are neither very rare nor very common in the texts;
2. rows: the encoder's embeddings of these words, whitened, plus a share of the directions in which
   its vectors predict them (ridge regression); each term standardised over a sample of the vectors;
   rows stay as they are;
3. a projection of the vectors before them, at first the identity, is what learns: few enough
   parameters that tens of thousands of texts do not overfit;
4. loss: Kullback-Leibler divergence of the softmax over a batch's documents, for each query, from
   that of the dense similarities (Nguyen et al., ECIR 2024, distil the score matrix likewise), and
   the cross-entropy of predicting the documents' words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from rarefy.errors import InputError
from rarefy.sparse.heads.dense_to_sparse import DenseToSparse
from rarefy.sparse.heads.words import predictors, word_columns
from rarefy.sparse.objectives import JointObjective, OwnWords, PairObjective, score_loss
from rarefy.sparse.training.batches import PairBatches
from rarefy.sparse.training.history import History
from rarefy.sparse.training.own_terms import OwnTerms, terms_of
from rarefy.sparse.training.sources import Pair
from rarefy.sparse.training.trainer import TrainingPlan, train
from rarefy.sparse.training.vectors import encode_to_disk

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import DenseEncoder
    from rarefy.sparse.model import Role

__all__ = ["TEMPERATURE", "matching_scale", "train_pooled_head", "untrained_pooled_head"]

TEMPERATURE = 0.05
"""Of the softmax over dense similarities, and of that over the head's scores."""

_SAMPLE = 6000  # vectors that the terms are standardised over
_MATCHED = 512  # vectors of either side that the scale of scores is matched on
_BATCH = 256
_RAREST, _COMMONEST = 1 / 5000, 1 / 20  # shares of the texts that have a word
_PREDICTED = 0.7  # share of the predictors in the rows
_OWN_WORDS = 1.0  # weight of predicting the documents' words


def train_pooled_head(
    encoder: DenseEncoder,
    pairs: Sequence[Pair],
    folder: str | Path,
    *,
    steps: int = 1000,
    seed: int = 0,
    validate: Callable[[Any], float] | None = None,
    resume: bool = False,
    minutes: float | None = None,
    progress: bool = False,
) -> tuple[DenseToSparse, History]:
    """Encode pairs, and train a head on their vectors.

    Parameters
    ----------
    encoder
        Made with ``cache=False``: its vectors are kept in `folder`.
    pairs
        At least two; the same whenever the run is resumed.
    folder
        Of vectors, checkpoint, history and curves.
    steps
        Of at most 256 pairs each.
    seed
        Of the order of the pairs.
    validate, resume, minutes, progress
        See :func:`train`.

    Returns
    -------
    head, history
    """
    place = Path(folder)
    sides: dict[Role, list[str]] = {
        "query": [pair.query for pair in pairs],
        "document": [pair.document for pair in pairs],
    }
    queries, documents = (
        encode_to_disk(encoder, texts, place / f"{role}.npy", role=role, progress=progress)
        for role, texts in sides.items()
    )
    own = terms_of(encoder.pipeline.tokenizer, sides["document"], len(encoder.vocabulary))
    head = untrained_pooled_head(encoder, queries, documents, own)
    batches = PairBatches(queries, documents, size=min(_BATCH, len(pairs)), seed=seed)
    loss = score_loss("kl_divergence", temperature=TEMPERATURE, teacher_temperature=TEMPERATURE)
    objective = JointObjective(
        PairObjective(loss, scale=matching_scale(head, queries, documents)),
        OwnWords(head, OwnTerms(own, batches.rows), weight=_OWN_WORDS),
    )
    history = train(
        head,
        batches,
        objective,
        TrainingPlan(steps=steps, learning_rate=3e-3, warmup=min(20, steps), seed=seed),
        place,
        validate=validate,
        resume=resume,
        minutes=minutes,
        progress=progress,
    )
    return head, history


def untrained_pooled_head(
    encoder: DenseEncoder,
    queries: NDArray[np.floating],
    documents: NDArray[np.floating],
    own: sparse.csr_array,
    *,
    predicted: float = _PREDICTED,
    **options: Any,
) -> DenseToSparse:
    """Make the head that training starts from.

    Parameters
    ----------
    encoder
        Whose words and vectors these are.
    queries, documents : float [n, d]
        Dense vectors.
    own : CSR [n, V]
        The documents' terms; see :func:`terms_of`.
    predicted
        Share of the predictors in the rows: 0 for word embeddings alone.
    **options
        Of :class:`DenseToSparse`, such as ``train_rows``.

    Raises
    ------
    InputError
        If no word is frequent enough.
    """
    words = word_columns(encoder.vocabulary)
    shares = own[:, words.numpy()].mean(0)
    words = words[torch.from_numpy((shares >= _RAREST) & (shares <= _COMMONEST))]
    if not len(words):
        raise InputError(
            f"no word is in at least {_RAREST} and at most {_COMMONEST} of the {own.shape[0]} "
            "documents; expected more text"
        )
    settings = {"hidden_features": encoder.dimension, "train_rows": False, **options}
    head = DenseToSparse.tied_to(encoder, columns=words, **settings)
    if predicted:
        with torch.no_grad():
            head.linear.weight.add_(predicted * predictors(documents, own[:, words.numpy()]))
    sample = [vectors[: _SAMPLE // 2].astype(np.float32) for vectors in (queries, documents)]
    head.standardise(*head.moments(np.concatenate(sample)))
    return head


def matching_scale(
    head: DenseToSparse, queries: NDArray[np.floating], documents: NDArray[np.floating]
) -> float:
    """Return what makes the head's scores of a query spread as the dense ones do."""
    sides = [vectors[:_MATCHED].astype(np.float32) for vectors in (queries, documents)]
    scores = (head.project(sides[0], "query") @ head.project(sides[1], "document").T).toarray()
    spread = scores.std(1).mean()
    return float((sides[0] @ sides[1].T).std(1).mean() / spread) if spread > 0 else 1.0
