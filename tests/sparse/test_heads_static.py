"""Queries without a model: the table, its training, and the built-in module."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
st = pytest.importorskip("sentence_transformers")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse.heads.static_query import StaticQuery  # noqa: E402
from rarefy.sparse.vocabulary import Vocabulary  # noqa: E402

pytestmark = pytest.mark.models


@pytest.fixture
def vocabulary(tokenizer):
    return Vocabulary.from_tokenizer(tokenizer)


@pytest.fixture
def head(vocabulary):
    frequencies = np.arange(len(vocabulary)) * 3
    return StaticQuery.from_document_frequencies(frequencies, 200, vocabulary)


def test_inverse_document_frequencies(head, vocabulary):
    for column, weight in enumerate(head.weights.tolist()):
        df = 3 * column
        expected = 0 if column in vocabulary.special else math.log(1 + (200.5 - df) / (df + 0.5))
        assert weight == pytest.approx(expected, rel=1e-6)


def test_a_term_counts_once(head, tokenizer, texts):
    features = tokenizer(["the cat the mat", "rain"], padding=True, return_tensors="pt")
    rows = head(features)["sentence_embedding"]
    for row, words in zip(rows, (["the", "cat", "mat"], ["rain"]), strict=True):
        columns = tokenizer.convert_tokens_to_ids(words)
        assert row.nonzero().flatten().tolist() == sorted(columns)
        torch.testing.assert_close(row[columns], head.weights[columns])


def test_builtin_module_gives_the_same_bits(head, tokenizer, texts, tmp_path):
    head.requires_grad_(False)
    pipeline = st.SparseEncoder(modules=[head.builtin(tokenizer)], device="cpu")
    pipeline.save_pretrained(str(tmp_path / "m"), create_model_card=False)
    again = st.SparseEncoder(str(tmp_path / "m"), device="cpu")
    features = tokenizer(texts, padding=True, return_tensors="pt", add_special_tokens=False)
    own = head(features)["sentence_embedding"]
    assert torch.equal(pipeline.encode(texts).to_dense(), own)
    assert torch.equal(again.encode(texts).to_dense(), own)


def test_learns(tokenizer, texts):
    head = StaticQuery(len(tokenizer))
    assert head.weights.tolist() == pytest.approx([1.0] * len(tokenizer))
    features = tokenizer(texts, padding=True, return_tensors="pt", add_special_tokens=False)
    target = 0.3 + torch.rand(len(tokenizer), generator=torch.Generator().manual_seed(0))
    optimiser = torch.optim.Adam(head.parameters(), lr=0.1)
    present = head(dict(features))["sentence_embedding"] > 0
    for _ in range(200):
        rows = head(dict(features))["sentence_embedding"]
        optimiser.zero_grad()
        (rows - present * target).square().sum().backward()
        optimiser.step()
    seen = present.any(0)
    torch.testing.assert_close(head.weights[seen], target[seen], atol=0.02, rtol=0)
    torch.testing.assert_close(head.weights[~seen], torch.ones(int((~seen).sum())))


def test_saved_and_loaded(head, tmp_path):
    head.save(str(tmp_path))
    assert torch.equal(StaticQuery.load(str(tmp_path)).weights, head.weights)


def test_bad_input(vocabulary):
    with pytest.raises(InputError, match=r"have the shape \(3,\)"):
        StaticQuery.from_document_frequencies(np.zeros(3, int), 5, vocabulary)
    with pytest.raises(InputError, match="go from 0 to 9; expected 0 to 5"):
        frequencies = np.zeros(len(vocabulary), int)
        frequencies[-1] = 9
        StaticQuery.from_document_frequencies(frequencies, 5, vocabulary)
    with pytest.raises(InputError, match="vocabulary_size is 0"):
        StaticQuery(0)
