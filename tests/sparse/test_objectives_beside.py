"""Terms beside a pair's own loss: a third tower, a queue of documents."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

torch = pytest.importorskip("torch")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse.objectives import QueuedDocuments, ThirdTower, info_nce  # noqa: E402
from rarefy.sparse.training import PairBatches  # noqa: E402

pytestmark = pytest.mark.models


@pytest.fixture
def weights():
    """Weights of 4 queries and 4 documents over 6 terms."""
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(4, 6, generator=generator) for _ in range(2)]


def test_third_tower(weights):
    vectors = np.random.default_rng(0).random((10, 6)).astype(np.float32)
    batches = PairBatches(vectors, vectors, size=4, seed=2)
    third = ThirdTower(sparse.csr_array(vectors), batches.rows, weight=3.0, temperature=0.5)
    terms = third(*weights, SimpleNamespace(), 1)
    own = torch.from_numpy(vectors[batches.rows(1)])
    for side, name in zip(weights, ("queries_third", "documents_third"), strict=True):
        expected = 1.5 * info_nce(side @ own.T / 0.5)
        assert terms[name].item() == pytest.approx(expected.item())
    with pytest.raises(InputError, match="weight is 0"):
        ThirdTower(sparse.csr_array(vectors), batches.rows, weight=0)


def test_queued_documents(weights):
    queries, documents = weights
    queue = QueuedDocuments(6, 6, negatives=2.0, neighbours=1.0, temperature=0.5)
    first = queue(queries, documents, SimpleNamespace(), 0)
    assert set(first) == {"queued_negatives"}  # nothing is held yet
    plain = info_nce(queries @ documents.T / 0.5, directions="queries")
    assert first["queued_negatives"].item() == pytest.approx(2 * plain.item())
    torch.testing.assert_close(queue.documents, documents)
    later = documents.flip(1).requires_grad_()
    second = queue(queries, later, SimpleNamespace(), 1)
    scores = queries @ torch.cat([later, documents]).T / 0.5
    expected = 2 * info_nce(scores, directions="queries")
    assert second["queued_negatives"].item() == pytest.approx(expected.item())
    nearest = documents[(later @ documents.T).argmax(1)]
    expected = info_nce(queries @ nearest.T, temperature=0.5)
    assert second["queued_neighbours"].item() == pytest.approx(expected.item())
    sum(second.values()).backward()
    assert later.grad.abs().sum() > 0
    held = torch.cat([later, documents[2:]])  # the oldest are replaced
    assert sorted(queue.documents.tolist()) == sorted(held.tolist())
    again = QueuedDocuments(6, 6)
    again.load_state_dict(queue.state_dict())
    torch.testing.assert_close(again.documents, queue.documents)


def test_a_batch_larger_than_the_queue(weights):
    queue = QueuedDocuments(6, 3)
    queue(*weights, SimpleNamespace(), 0)
    assert sorted(queue.documents.tolist()) == sorted(weights[1][1:].tolist())
    with pytest.raises(InputError, match="size 0"):
        QueuedDocuments(6, 0)
