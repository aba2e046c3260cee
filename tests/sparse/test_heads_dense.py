"""Heads over dense vectors: every option against its definition, saved and loaded."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse.heads.dense_to_sparse import DenseToSparse  # noqa: E402
from rarefy.sparse.heads.head import keep_largest  # noqa: E402
from rarefy.sparse.heads.landmarks import Landmarks  # noqa: E402
from rarefy.sparse.heads.words import predictors  # noqa: E402

pytestmark = pytest.mark.models

TERMS = ["[CLS]", "cat", "##s", "a", ",", "dog", "▁sun", "rain", "12", "fog"]
WORDS = [1, 5, 6, 7, 9]


@pytest.fixture
def encoder(random_encoder):
    return random_encoder(TERMS)


@pytest.fixture
def vectors():
    return torch.randn(7, 6, generator=torch.Generator().manual_seed(1)).numpy()


def numpy_of(tensor):
    return tensor.detach().double().numpy()


def expected(head, vectors, k):
    """The definition of the head, by loops over texts, in float64."""
    hidden = vectors.astype(np.float64)
    if head.kernel is not None:
        hidden = numpy_of(head.kernel(torch.from_numpy(vectors)))
    if head.projection is not None:
        hidden = hidden @ numpy_of(head.projection.weight).T + numpy_of(head.projection.bias)
    if head.norm is not None:
        hidden = hidden - hidden.mean(1, keepdims=True)
        hidden /= np.sqrt((hidden**2).mean(1, keepdims=True) + head.norm.eps)
        hidden = hidden * numpy_of(head.norm.weight) + numpy_of(head.norm.bias)
    logits = hidden @ numpy_of(head.linear.weight).T + numpy_of(head.linear.bias)
    weights = np.zeros((len(vectors), head.vocabulary_size))
    for row, own in zip(weights, logits, strict=True):
        for place in np.argsort(-own)[:k]:
            value = max(own[place] - head.threshold, 0)
            if head.activation != "relu":
                value = np.log(1 + value)
            if head.activation == "log1p_log1p_relu":
                value = np.log(1 + value)
            row[int(head.columns[place])] = value
    if head.unit:
        weights /= np.maximum(np.sqrt((weights**2).sum(1, keepdims=True)), 1e-12)
    return weights


OPTIONS = [
    {},
    {"activation": "relu", "threshold": 0.0},
    {"activation": "log1p_log1p_relu", "normalise": True},
    {"hidden_features": 6, "train_rows": False},
    {"hidden_features": 6, "normalise": True, "threshold": 0.2},
    {"activation": "relu", "unit": True},
    {"hidden_features": 6, "landmarks": 3, "sharpness": 1.5},
]


@pytest.fixture(params=OPTIONS, ids=str)
def head(request, encoder, vectors):
    head = DenseToSparse.tied_to(
        encoder, **{"query_terms": 2, "document_terms": 4, "threshold": 0.5, **request.param}
    )
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        if head.kernel is not None:
            head.kernel = Landmarks.at(vectors[:3] + 1, vectors, head.sharpness)
    head.standardise(*head.moments(vectors))
    return head


def test_against_its_definition(head, vectors):
    for role, k in (("query", 2), ("document", 4)):
        rows = head.project(vectors, role)
        np.testing.assert_allclose(rows.toarray(), expected(head, vectors, k), atol=1e-5)
        assert set(rows.indices) <= set(WORDS)
        features = {"sentence_embedding": torch.from_numpy(vectors)}
        dense = head(features, task=role)["sentence_embedding"]
        np.testing.assert_allclose(numpy_of(dense), rows.toarray(), atol=1e-6)


def test_standardised(head, vectors):
    logits = numpy_of(head.logits(torch.from_numpy(vectors)))
    np.testing.assert_allclose(logits.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(logits.std(0), 1, atol=1e-4)


def test_saved_and_loaded(head, vectors, tmp_path):
    head.save(str(tmp_path))
    again = DenseToSparse.load(str(tmp_path))
    assert again.get_config_dict() == head.get_config_dict()
    assert (again.project(vectors, "document") != head.project(vectors, "document")).nnz == 0


def test_gradient_reaches_what_is_trained(head, vectors):
    features = {"sentence_embedding": torch.from_numpy(vectors)}
    head(features)["sentence_embedding"].square().sum().backward()
    trained = {name for name, parameter in head.named_parameters() if parameter.requires_grad}
    assert ("linear.weight" in trained) == head.train_rows
    for name, parameter in head.named_parameters():
        assert (parameter.grad is not None and parameter.grad.any()) == (name in trained)


def test_a_new_projection_changes_nothing(encoder, vectors):
    plain = DenseToSparse.tied_to(encoder)
    with_projection = DenseToSparse.tied_to(encoder, hidden_features=6)
    given = torch.from_numpy(vectors)
    torch.testing.assert_close(with_projection.logits(given), plain.logits(given))


def test_projection_to_the_word_embeddings_length(encoder):
    encoder.dimension = 4
    with pytest.raises(InputError, match="or hidden_features=6"):
        DenseToSparse.tied_to(encoder)
    head = DenseToSparse.tied_to(encoder, hidden_features=6)
    assert head.logits(torch.ones(2, 4)).shape == (2, 5)


def test_chosen_words(encoder, vectors):
    head = DenseToSparse.tied_to(encoder, columns=torch.tensor([5, 9]), threshold=0.0)
    head.standardise(*head.moments(vectors))
    assert set(head.project(vectors, "document").indices) == {5, 9}


def test_predictors_are_those_of_ridge_regression(vectors):
    words = np.array([[1.0, 0, 0], [0, 1, 0], [1, 1, 0]] * 2 + [[0, 0, 0]])
    centred = vectors.astype(np.float64) - vectors.mean(0)
    products = centred.T @ centred
    products += 0.3 * np.linalg.eigvalsh(products).mean() * np.eye(6)
    solved = words.T @ centred @ np.linalg.inv(products)
    found = predictors(vectors, sparse.csr_array(words), ridge=0.3).numpy()
    expected = solved[:2] / np.linalg.norm(solved[:2], axis=1, keepdims=True)
    np.testing.assert_allclose(found[:2], expected, atol=1e-5)
    assert not found[2].any()


def test_landmarks(vectors):
    constant = np.concatenate([vectors, np.ones((7, 1), np.float32)], axis=1)
    known = constant[:4]
    found = numpy_of(Landmarks.at(known, constant, 2.0)(torch.from_numpy(constant)))
    for row, vector in zip(found, constant, strict=True):
        for likeness, point in zip(row, known, strict=True):
            x, y = ((side[:6] - vectors.mean(0)) / vectors.std(0) for side in (vector, point))
            cosine = x @ y / np.linalg.norm(x) / np.linalg.norm(y)
            assert likeness == pytest.approx(np.exp(2 * (cosine - 1)), abs=1e-5)
    np.testing.assert_allclose(found[:4].diagonal(), 1, atol=1e-5)


def test_random_control(vectors):
    head = DenseToSparse.random(6, 3000, seed=3, threshold=0.0, document_terms=8)
    again = DenseToSparse.random(6, 3000, seed=3, threshold=0.0, document_terms=8)
    assert (head.project(vectors, "document") != again.project(vectors, "document")).nnz == 0
    assert np.diff(head.project(vectors, "document").indptr).tolist() == [8] * 7
    unit = torch.nn.functional.normalize(torch.from_numpy(vectors), dim=1)
    logits = head.logits(unit)
    torch.testing.assert_close(logits.std(1), torch.ones(7), atol=0.1, rtol=0)


def test_keep_largest():
    values = torch.tensor([[3.0, 1, 2, 0], [0, 0, 5, 4]])
    assert keep_largest(values, 2).tolist() == [[3, 0, 2, 0], [0, 0, 5, 4]]
    assert keep_largest(values, None) is values


def test_bad_input():
    with pytest.raises(InputError, match="document_terms is 0; expected at least 1"):
        DenseToSparse(4, 5, 5, document_terms=0)
    with pytest.raises(InputError, match="hidden_features is -1"):
        DenseToSparse(4, 5, 5, hidden_features=-1)
    with pytest.raises(InputError, match="threshold is -1"):
        DenseToSparse(4, 5, 5, -1)
    with pytest.raises(InputError, match="activation is 'tanh'; expected one of relu, log1p_relu"):
        DenseToSparse(4, 5, 5, activation="tanh")
    with pytest.raises(InputError, match="landmarks is 3, with no projection"):
        DenseToSparse(4, 5, 5, landmarks=3)
    with pytest.raises(InputError, match="call fit first"):
        DenseToSparse(4, 5, 5).project(np.zeros((1, 4), np.float32), "query")
