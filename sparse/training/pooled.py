"""The recipe of a readable head over pooled vectors, taught by the encoder's own similarities.

1. rows: the encoder's word embeddings, centred and whitened, each standardised over a sample of the
   vectors; they stay as they are;
2. a projection of the vectors before them, at first the identity, is what learns: few enough
   parameters that tens of thousands of texts do not overfit;
3. loss: Kullback-Leibler divergence of the softmax over a batch's documents, for each query, from
   that of the dense similarities (Nguyen et al., ECIR 2024, distil the score matrix likewise).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rarefy.sparse.heads.dense_to_sparse import DenseToSparse
from rarefy.sparse.objectives import PairObjective, score_loss
from rarefy.sparse.training.batches import PairBatches
from rarefy.sparse.training.history import History
from rarefy.sparse.training.sources import Pair
from rarefy.sparse.training.trainer import TrainingPlan, train
from rarefy.sparse.training.vectors import encode_to_disk

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import DenseEncoder
    from rarefy.sparse.model import Role

__all__ = ["train_pooled_head"]

_SAMPLE = 6000  # vectors that the terms are standardised over
_MATCHED = 512  # vectors of either side that the scale of scores is matched on
_BATCH = 256
_TEMPERATURE = 0.05


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
    head = DenseToSparse.tied_to(encoder, hidden_features=encoder.dimension, train_rows=False)
    sample = [vectors[: _SAMPLE // 2].astype(np.float32) for vectors in (queries, documents)]
    head.standardise(*head.moments(np.concatenate(sample)))
    scale = _matching_scale(head, *(vectors[:_MATCHED] for vectors in sample))
    loss = score_loss("kl_divergence", temperature=_TEMPERATURE, teacher_temperature=_TEMPERATURE)
    history = train(
        head,
        PairBatches(queries, documents, size=min(_BATCH, len(pairs)), seed=seed),
        PairObjective(loss, scale=scale),
        TrainingPlan(steps=steps, learning_rate=3e-3, warmup=min(20, steps), seed=seed),
        place,
        validate=validate,
        resume=resume,
        minutes=minutes,
        progress=progress,
    )
    return head, history


def _matching_scale(
    head: DenseToSparse, queries: NDArray[np.float32], documents: NDArray[np.float32]
) -> float:
    """Return what makes the head's scores of a query spread as the dense ones do."""
    sparse = (head.project(queries, "query") @ head.project(documents, "document").T).toarray()
    spread = sparse.std(1).mean()
    return float((queries @ documents.T).std(1).mean() / spread) if spread > 0 else 1.0
