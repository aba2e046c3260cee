"""The autoencoder head: its code, its loss, dead features, and the built-in module."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
st = pytest.importorskip("sentence_transformers")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse.heads.top_k_autoencoder import TopKAutoencoder  # noqa: E402
from rarefy.sparse.objectives import AutoencoderObjective, Schedule, score_loss  # noqa: E402

pytestmark = pytest.mark.models


@pytest.fixture
def head():
    torch.manual_seed(0)
    head = TopKAutoencoder(6, 30, query_terms=3, document_terms=5, dead_after=4, dead_terms=4)
    with torch.no_grad():
        head.bias.normal_(std=0.1)
        head.pre_bias.normal_(std=0.1)
    return head


@pytest.fixture
def vectors():
    return torch.randn(8, 6, generator=torch.Generator().manual_seed(1))


def naive_codes(head, vectors, k):
    logits = (vectors - head.pre_bias).detach().numpy() @ head.rows.detach().numpy().T
    logits = logits + head.bias.detach().numpy()
    codes = np.zeros_like(logits)
    for code, own in zip(codes, logits, strict=True):
        for place in np.argsort(-own)[:k]:
            code[place] = max(own[place], 0)
    return codes


def naive_error(head, vectors, codes):
    decoded = codes @ head.rows.detach().numpy() + head.pre_bias.detach().numpy()
    return ((decoded - vectors.numpy()) ** 2).mean(), vectors.numpy() - decoded


def test_codes(head, vectors):
    for role, k in (("query", 3), ("document", 5)):
        rows = head.project(vectors.numpy(), role)
        np.testing.assert_allclose(rows.toarray(), naive_codes(head, vectors, k), atol=1e-6)
        dense = head({"sentence_embedding": vectors}, task=role)["sentence_embedding"]
        np.testing.assert_allclose(dense.detach().numpy(), rows.toarray(), atol=1e-6)


def test_reconstruction_terms(head, vectors):
    head.silent[[1, 7, 8]] = 9
    terms = head.reconstruction_terms(vectors, 3)
    error, missing = naive_error(head, vectors, naive_codes(head, vectors, 3))
    wider, _ = naive_error(head, vectors, naive_codes(head, vectors, 12))
    assert terms["top_k"].item() == pytest.approx(error, rel=1e-5)
    assert terms["top_4k"].item() == pytest.approx(wider, rel=1e-5)
    logits = head.logits(vectors).detach().numpy()
    dead = np.zeros_like(logits)
    dead[:, [1, 7, 8]] = np.maximum(logits[:, [1, 7, 8]], 0)
    found = dead @ head.rows.detach().numpy()
    expected = ((found - missing) ** 2).mean() / missing.var(0).mean()
    assert terms["dead"].item() == pytest.approx(expected, rel=1e-4)


def test_gradients_are_those_of_finite_differences(head, vectors):
    head.double()
    head.silent[[1, 7, 8]] = 9
    head.eval()

    def loss(bias, pre_bias, rows):
        parameters = {"bias": bias, "pre_bias": pre_bias, "rows": rows}
        return torch.func.functional_call(
            Total(head), {f"head.{name}": value for name, value in parameters.items()}, (vectors,)
        )

    # What is missing counts as a constant in the dead features' term: leave that term out.
    given = [p.detach().clone().requires_grad_() for p in (head.bias, head.pre_bias, head.rows)]
    assert torch.autograd.gradcheck(loss, given)


class Total(torch.nn.Module):
    def __init__(self, head):
        super().__init__()
        self.head = head

    def forward(self, vectors):
        terms = self.head.reconstruction_terms(vectors.double(), 3)
        return terms["top_k"] + terms["top_4k"] / 8


def test_dead_features(head, vectors):
    used = naive_codes(head, vectors, 2).any(0)
    assert 0 < used.sum() < 30
    for step in range(4):
        assert "dead" not in head.reconstruction_terms(vectors, 2), step
    assert head.dead.tolist() == (~used).tolist()
    assert "dead" in head.reconstruction_terms(vectors, 2)
    head.eval()
    before = head.silent.clone()
    head.reconstruction_terms(vectors, 2)
    assert torch.equal(head.silent, before)


def test_training_rebuilds_better(vectors):
    torch.manual_seed(0)
    head = TopKAutoencoder(6, 40, dead_after=5, dead_terms=8)
    batch = SimpleNamespace(
        queries=torch.nn.functional.normalize(vectors, dim=1),
        documents=torch.nn.functional.normalize(vectors.roll(1, 1), dim=1),
    )
    objective = AutoencoderObjective(
        head,
        Schedule(2, 40, start=10, shape="linear"),
        dead_weight=0.5,
        scores=score_loss("info_nce"),
        scores_weight=0.01,
    )
    optimiser = torch.optim.Adam(head.parameters(), lr=0.03)
    errors = []
    for step in range(120):
        queries, documents = (
            head({"sentence_embedding": side}, task=task)["sentence_embedding"]
            for side, task in ((batch.queries, "query"), (batch.documents, "document"))
        )
        terms = objective(queries, documents, batch, step)
        assert {"top_k", "top_4k", "scores"} <= terms.keys()
        optimiser.zero_grad()
        sum(terms.values()).backward()
        optimiser.step()
        if step >= 40:
            errors.append(terms["top_k"].item())
    assert errors[-1] < 0.8 * errors[0]


def test_dead_features_learn_what_the_others_miss(head, vectors):
    head.silent[[1, 7, 8]] = 9
    head.eval()
    optimiser = torch.optim.Adam(head.parameters(), lr=0.01)
    found = []
    for _ in range(20):
        dead = head.reconstruction_terms(vectors, 3)["dead"]
        optimiser.zero_grad()
        dead.backward()
        assert head.rows.grad.any(1).nonzero().flatten().tolist() == [1, 7, 8]
        optimiser.step()
        found.append(dead.item())
    assert found[-1] < 0.9 * found[0]


def test_builtin_module_gives_the_same_bits(head, vectors, tmp_path):
    head.eval()
    own = head({"sentence_embedding": vectors})["sentence_embedding"]
    module = head.builtin().eval()
    module.save(str(tmp_path))
    again = type(module).load(str(tmp_path)).eval()
    for theirs in (module, again):
        with torch.inference_mode():
            found = theirs({"sentence_embedding": vectors})["sentence_embedding"]
        assert torch.equal(found, own)


def test_saved_and_loaded(head, vectors, tmp_path):
    head.silent += 3
    head.save(str(tmp_path))
    again = TopKAutoencoder.load(str(tmp_path))
    assert again.get_config_dict() == head.get_config_dict()
    assert torch.equal(again.silent, head.silent)
    assert (
        again.project(vectors.numpy(), "query") != head.project(vectors.numpy(), "query")
    ).nnz == 0


def test_bad_input(head, vectors):
    with pytest.raises(InputError, match="k is 0"):
        head.reconstruction_terms(vectors, 0)
    with pytest.raises(InputError, match="dead_after is 0"):
        TopKAutoencoder(6, 30, dead_after=0)
