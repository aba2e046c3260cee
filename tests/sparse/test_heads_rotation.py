"""The head of signed rotations: its definition, what it keeps of products, saved and loaded."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse import SignedRotation  # noqa: E402

pytestmark = pytest.mark.models


@pytest.fixture
def vectors():
    drawn = torch.randn(40, 12, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.normalize(drawn, dim=1).numpy()


def test_against_its_definition(vectors):
    head = SignedRotation(12, 2, query_terms=3, document_terms=7)
    head.query_mean.normal_(generator=torch.Generator().manual_seed(2))
    rows = head.rows.detach().numpy()
    for role, mean, k in (("query", head.query_mean.numpy(), 3), ("document", 0, 7)):
        expected = np.zeros((40, 48))
        for row, vector in zip(expected, vectors, strict=True):
            h = rows @ (vector - mean)
            signed = np.maximum(np.concatenate([h, -h]), 0)
            best = np.argsort(-signed)[:k]
            row[best] = signed[best] * (h @ h) / (signed[best] @ signed[best])
        found = head.project(vectors, role)
        np.testing.assert_allclose(found.toarray(), expected, rtol=1e-4)
        dense = head({"sentence_embedding": torch.from_numpy(vectors)}, task=role)
        np.testing.assert_allclose(
            dense["sentence_embedding"].detach().numpy(), expected, rtol=1e-4
        )


def test_rotations_are_orthogonal_and_differ():
    first, second = SignedRotation(12, 2).rows.detach().reshape(2, 12, 12)
    torch.testing.assert_close(first @ first.T, torch.eye(12), atol=1e-5, rtol=0)
    torch.testing.assert_close(second @ second.T, torch.eye(12), atol=1e-5, rtol=0)
    assert not torch.allclose(first, second, atol=0.1)
    assert not torch.equal(SignedRotation(12, 1, seed=1).rows, first)


def test_all_coordinates_together_are_the_vector(vectors):
    head = SignedRotation(12, 1, document_terms=12)
    columns = head.project(vectors, "document").toarray()
    back = (columns[:, :12] - columns[:, 12:]) @ head.rows.detach().numpy()
    np.testing.assert_allclose(back, vectors, atol=1e-5)


def test_mean_of_the_documents(vectors):
    shifted = vectors + 3
    encoder = SimpleNamespace(encode=lambda texts, role, progress: shifted[: len(texts)])
    head = SignedRotation(12, 1, document_terms=4)
    head.fit(encoder, map(str, range(40)))
    np.testing.assert_allclose(head.document_mean.numpy(), shifted.mean(0), rtol=1e-5)
    assert not head.query_mean.any()
    used = np.diff(head.project(shifted, "document").tocsc().indptr)
    assert used.max() < 30
    with pytest.raises(InputError, match="has 1 distinct texts"):
        head.fit(encoder, ["one", "one", " "])


def test_saved_and_loaded(vectors, tmp_path):
    head = SignedRotation(12, 2, 3, 7, seed=5)
    head.document_mean += 0.1
    head.save(str(tmp_path))
    again = SignedRotation.load(str(tmp_path))
    assert again.get_config_dict() == head.get_config_dict()
    assert (again.project(vectors, "document") != head.project(vectors, "document")).nnz == 0


def test_trains(vectors):
    head = SignedRotation(12, 1, 3, 7)
    given = {"sentence_embedding": torch.from_numpy(vectors)}
    head(given, task="query")["sentence_embedding"].square().sum().backward()
    assert head.rows.grad.any()
    zero = head({"sentence_embedding": torch.zeros(1, 12)}, task="query")
    assert not zero["sentence_embedding"].any()


def test_bad_input():
    with pytest.raises(InputError, match="rotations is 0"):
        SignedRotation(12, 0)
