"""The recipe of a readable head: which words it has, and what their rows are made of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse.training.pooled import matching_scale, untrained_pooled_head  # noqa: E402

pytestmark = pytest.mark.models

TERMS = ("[CLS]", "common", "rare", "##s", "never", "some", ".")


@pytest.fixture
def encoder(random_encoder):
    return random_encoder(TERMS)


@pytest.fixture
def sides():
    """Vectors of queries and documents, and the documents' terms."""
    random = np.random.default_rng(0)
    documents = random.normal(size=(60, 6)).astype(np.float16)
    own = np.zeros((60, len(TERMS)), dtype=np.float32)
    own[:30, 1] = own[:2, 2] = own[:, 3] = own[5:7, 5] = 1
    queries = (documents + 0.1 * random.normal(size=(60, 6))).astype(np.float16)
    return queries, documents, sparse.csr_array(own)


def test_words_are_neither_common_nor_unseen(encoder, sides):
    head = untrained_pooled_head(encoder, *sides, threshold=0.0)
    assert head.columns.tolist() == [2, 5]
    trained = {name for name, value in head.named_parameters() if value.requires_grad}
    assert trained == {"projection.weight", "projection.bias", "linear.bias"}


def test_predicted_words_are_heavier_in_their_texts(encoder, sides):
    *vectors, own = sides
    documents = vectors[1].astype(np.float32)

    def lead(predicted):
        head = untrained_pooled_head(encoder, *sides, predicted=predicted)
        logits = head.logits(torch.from_numpy(documents)).detach().numpy()
        with_some = own.toarray()[:, 5] > 0
        return logits[with_some, 1].mean() - logits[~with_some, 1].mean()

    assert lead(5.0) > lead(0.0) + 0.5
    assert lead(5.0) > 1


def test_scores_spread_as_the_dense_ones(encoder, sides):
    queries, documents, _ = sides
    head = untrained_pooled_head(encoder, *sides, threshold=0.0)
    scale = matching_scale(head, queries, documents)
    sparse_scores = (
        head.project(queries.astype(np.float32), "query")
        @ head.project(documents.astype(np.float32), "document").T
    ).toarray()
    dense_scores = queries.astype(np.float32) @ documents.astype(np.float32).T
    assert scale * sparse_scores.std(1).mean() == pytest.approx(dense_scores.std(1).mean())


def test_no_word_left(encoder, sides):
    queries, documents, own = sides
    with pytest.raises(InputError, match=r"no word is in at least .* of the 60 documents"):
        untrained_pooled_head(encoder, queries, documents, own * 0)
