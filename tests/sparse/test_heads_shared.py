"""Heads whose columns several modalities share: codes, concepts and the bits of a hash."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
st = pytest.importorskip("sentence_transformers")

from rarefy.errors import InputError  # noqa: E402
from rarefy.eval.diagnostics import concept_report  # noqa: E402
from rarefy.index import Index  # noqa: E402
from rarefy.sparse import (  # noqa: E402
    Codebook,
    ConceptAutoencoder,
    GivenVectors,
    SignHash,
    SparseModel,
    load,
)
from rarefy.sparse.heads.codebook import sparsemax  # noqa: E402
from rarefy.sparse.objectives import ConceptObjective  # noqa: E402
from rarefy.sparse.training import Batch  # noqa: E402

pytestmark = pytest.mark.models


@pytest.fixture
def vectors():
    return torch.randn(9, 6, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=["codebook", "concepts", "hash"])
def head(request):
    torch.manual_seed(0)
    made = {
        "codebook": lambda: Codebook(6, 20, 0.1, query_terms=2, document_terms=4),
        "concepts": lambda: ConceptAutoencoder(6, 20, query_terms=2, document_terms=4),
        "hash": lambda: SignHash(6, 10),
    }
    return made[request.param]().eval()


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    random = np.random.default_rng(0)
    logits = random.normal(size=(5, 6))
    found = sparsemax(torch.from_numpy(logits)).numpy()
    np.testing.assert_allclose(found.sum(1), 1)
    assert (found >= 0).all()
    assert (found == 0).any()
    near = ((found - logits) ** 2).sum(1)
    for _ in range(200):
        other = random.dirichlet(np.ones(6), size=5)
        assert (near <= ((other - logits) ** 2).sum(1)).all()
        mixed = 0.99 * found + 0.01 * other
        assert (near <= ((mixed - logits) ** 2).sum(1)).all()
    assert torch.autograd.gradcheck(sparsemax, torch.from_numpy(logits).requires_grad_())


@pytest.mark.parametrize("height", [1e4, 1e6, 1e9])
def test_sparsemax_of_large_logits(height):
    logits = torch.randn(4, 500, generator=torch.Generator().manual_seed(2)) + height
    expected = sparsemax(logits.double() - height)
    torch.testing.assert_close(sparsemax(logits), expected.float(), atol=1e-5, rtol=0)


def test_codes(vectors):
    torch.manual_seed(0)
    head = Codebook(6, 20, 0.5, document_terms=20)
    logits = head.codes.detach().numpy() @ vectors.numpy().T / (0.5 * np.sqrt(6))
    rows = head.project(vectors.numpy(), "document").toarray()
    for row, own in zip(rows, logits.T, strict=True):
        thresholds = [(np.sort(own)[-k:].sum() - 1) / k for k in range(1, 21)]
        np.testing.assert_allclose(row, np.maximum(own - max(thresholds), 0), atol=1e-5)
    shares = torch.from_numpy(rows)
    np.testing.assert_allclose(
        head.decode(shares).detach(), rows @ head.codes.detach().numpy(), atol=1e-5
    )
    with pytest.raises(InputError, match="temperature is 0"):
        Codebook(6, 20, 0.0)


def test_concepts(vectors):
    torch.manual_seed(0)
    head = ConceptAutoencoder(6, 20, query_terms=3, document_terms=5)
    for role, k in (("query", 3), ("document", 5)):
        rows = head.project(5 * vectors.numpy(), role).toarray()
        for row, vector in zip(rows, vectors.numpy(), strict=True):
            unit = vector / np.linalg.norm(vector)
            closeness = [
                2 - np.linalg.norm(unit - own / np.linalg.norm(own))
                for own in head.rows.detach().numpy()
            ]
            expected = np.zeros(20)
            for place in np.argsort(closeness)[-k:]:
                expected[place] = closeness[place]
            np.testing.assert_allclose(row, expected, atol=1e-5)


def test_training_rebuilds_both_modalities(vectors):
    torch.manual_seed(0)
    head = ConceptAutoencoder(6, 20, query_terms=4, document_terms=4)
    batch = Batch(vectors, vectors.flip(1))
    objective = ConceptObjective(head)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.02)
    errors = []
    for step in range(60):
        weights = [
            head({"sentence_embedding": side}, task=task)["sentence_embedding"]
            for side, task in zip(batch, ("query", "document"), strict=True)
        ]
        terms = objective(*weights, batch, step)
        decoded = head.decoders["query"](weights[0])
        assert terms["queries_rebuilt"].item() == pytest.approx(
            ((decoded - vectors) ** 2).mean().item()
        )
        loss = sum(terms.values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        errors.append(loss.item())
    assert set(terms) == {"queries_rebuilt", "documents_rebuilt"}
    assert errors[-1] < 0.5 * errors[0]


def test_concepts_are_told_by_their_items(vectors):
    torch.manual_seed(0)
    head = ConceptAutoencoder(6, 20, document_terms=4).eval()
    rows = head.project(vectors.numpy(), "document")
    names = [f"item {number}" for number in range(9)]
    report = concept_report(rows, names, items=2, concepts=3)
    dense = rows.toarray()
    counts = (dense > 0).sum(0)
    assert len(report) == 3
    for row in report:
        assert row.frequency == counts[row.column] > 0
        order = np.lexsort((np.arange(9), -dense[:, row.column]))[: min(2, row.frequency)]
        assert list(row.items) == [names[item] for item in order]
        assert row.weight == pytest.approx(dense[:, row.column].sum() / row.frequency)
    assert [row.frequency for row in report] == sorted(counts, reverse=True)[:3]
    with pytest.raises(InputError, match="9 vectors and 8 items"):
        concept_report(rows, names[1:])


def test_hash_is_hamming_as_faiss_has_it(vectors):
    faiss = pytest.importorskip("faiss")
    head = SignHash(6, 64).eval()
    head.mean.copy_(vectors.mean(0))
    rows = head.project(vectors.numpy(), "document")
    bits = (vectors - vectors.mean(0)) @ head.rows.detach().T >= 0
    assert (rows.toarray() == np.hstack([bits, ~bits])).all()
    binary = faiss.IndexBinaryFlat(64)
    packed = np.packbits(bits.numpy(), axis=1)
    binary.add(packed)
    distances, _ = binary.search(packed, 9)
    hits = Index.build(rows).search(rows, k=9)
    np.testing.assert_array_equal(64 - hits.scores, distances)
    head.train()
    weights = head({"sentence_embedding": vectors})["sentence_embedding"]
    weights.sum().backward()
    assert head.rows.grad.abs().sum() > 0


def test_saved_and_loaded(head, vectors, tmp_path):
    head.train()  # as a module is when it is made
    names = [str(number) for number in range(9)]
    pipeline = st.SentenceTransformer(modules=[GivenVectors(vectors.numpy(), names)])
    from rarefy.sparse import DenseEncoder

    model = SparseModel(DenseEncoder(pipeline, cache=False), head)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model", cache=False)
    assert type(again.encoder.head) is type(head)
    for encode in ("encode_queries", "encode_documents"):
        assert (getattr(again, encode)(names) != getattr(model, encode)(names)).nnz == 0
    assert again.fingerprint == model.fingerprint
