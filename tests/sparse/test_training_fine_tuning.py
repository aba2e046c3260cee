"""Fine-tuning a tiny random BERT: what learns, what a checkpoint holds, resuming."""

from __future__ import annotations

import sys

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
st = pytest.importorskip("sentence_transformers")
pytest.importorskip("datasets")
pytest.importorskip("accelerate")

from rarefy.errors import InputError, MissingExtraError, TrainingError  # noqa: E402
from rarefy.sparse.objectives import PairObjective, Schedule  # noqa: E402
from rarefy.sparse.training import SparsityGuard, fine_tune, freeze  # noqa: E402

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, write_bert):
    """A folder of a masked language model of two layers, at random."""
    options = {"initializer_range": 0.1, "hidden_dropout_prob": 0.0}
    return write_bert(tmp_path_factory.mktemp("bert"), transformers.BertForMaskedLM, **options)


@pytest.fixture
def model(checkpoint):
    return st.SparseEncoder(checkpoint, device="cpu")


@pytest.fixture
def pairs(texts):
    parts = [text.split() for text in texts if " " in text]
    return [(" ".join(words[:3]), " ".join(words[2:])) for words in parts] * 8


LOOSE = SparsityGuard(dense=1.0)
SETTINGS = {
    "per_device_train_batch_size": 4,
    "learning_rate": 0.005,
    "save_steps": 2,
    "logging_steps": 1,
    "seed": 3,
    "use_cpu": True,
    "guard": LOOSE,
}


def objective():
    return PairObjective("info_nce", regulariser="flops", document_weight=Schedule(0.01, 4))


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def changed(model, before):
    return {name for name, value in model.state_dict().items() if not value.equal(before[name])}


def test_it_learns(model, pairs, tmp_path):
    log = fine_tune(model, pairs, tmp_path, objective=objective(), num_train_epochs=6, **SETTINGS)
    losses = [record["scores"] for record in log if "scores" in record]
    assert len(losses) == 48
    assert sum(losses[-8:]) < 0.7 * sum(losses[:8])
    assert any(record.get("document_flops", 0) > 0 for record in log)
    assert not model.training


def test_a_text_is_paired_with_itself_under_dropout(tmp_path_factory, write_bert, texts, tmp_path):
    folder = write_bert(tmp_path_factory.mktemp("dropout"), transformers.BertForMaskedLM)
    model = st.SparseEncoder(folder, device="cpu")
    seen = []

    class Watched(PairObjective):
        def forward(self, queries, documents, batch, step):
            seen.append((queries - documents).abs().max().item())
            return super().forward(queries, documents, batch, step)

    same = [(text, text) for text in texts] * 4
    log = fine_tune(model, same, tmp_path, objective=Watched("info_nce"), max_steps=3, **SETTINGS)
    assert len(seen) == 3
    assert min(seen) > 1e-3  # two views of each text
    assert all(record["scores"] > 0 for record in log if "scores" in record)
    assert (model.encode(texts[0]) - model.encode(texts[0])).to_dense().abs().max() == 0


@pytest.mark.parametrize("lora", [{}, {"freeze_layers": "all", "lora_rank": 2}], ids=str)
def test_stopped_and_resumed_with_the_loss_s_state(checkpoint, pairs, tmp_path, lora):
    if lora:
        pytest.importorskip("peft")
    settings = {**SETTINGS, **lora, "max_steps": 8}
    whole, own = st.SparseEncoder(checkpoint, device="cpu"), objective()
    fine_tune(whole, pairs, tmp_path / "whole", objective=own, **settings)

    class Killed(PairObjective):
        def forward(self, queries, documents, batch, step):
            if step == 5:
                raise KeyboardInterrupt
            return super().forward(queries, documents, batch, step)

    folder = tmp_path / "parts"
    killed = objective()
    killed.__class__ = Killed
    with pytest.raises(KeyboardInterrupt):
        fine_tune(
            st.SparseEncoder(checkpoint, device="cpu"), pairs, folder, objective=killed, **settings
        )
    (folder / "checkpoint-6").mkdir()  # one that was being written
    kept = torch.load(folder / "checkpoint-4" / "loss_state.pt", weights_only=True)
    assert kept.keys() == {"batches", "objective.log_scale"}
    assert int(kept["batches"]) == 4

    resumed, other = st.SparseEncoder(checkpoint, device="cpu"), objective()
    fine_tune(resumed, pairs, folder, objective=other, resume=True, **settings)
    torch.testing.assert_close(state(resumed), state(whole), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(other.log_scale, own.log_scale)
    assert not own.log_scale.equal(objective().log_scale)


def test_what_is_frozen_stays(model, pairs, tmp_path):
    before = state(model)
    freeze(model, "last:1")
    fine_tune(model, pairs, tmp_path, freeze_layers="last:1", max_steps=2, **SETTINGS)
    learnt = changed(model, before)
    assert any("layer.1" in name for name in learnt)
    assert any("cls" in name for name in learnt)
    assert not any("layer.0" in name or "embeddings" in name for name in learnt)
    freeze(model, "all")
    assert not any(p.requires_grad for p in model.transformers_model.parameters())
    freeze(model, "none")
    assert all(p.requires_grad for p in model.parameters())


def test_lora_alone_learns(model, pairs, tmp_path):
    pytest.importorskip("peft")
    before = state(model)
    settings = {"freeze_layers": "all", "lora_rank": 2, **SETTINGS}
    fine_tune(model, pairs, tmp_path, max_steps=2, **settings)
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    assert learning
    assert all("lora" in name for name in learning)
    after = {name.replace(".base_layer", ""): value for name, value in state(model).items()}
    assert all(after[name].equal(value) for name, value in before.items())


def test_lora_without_peft(model, pairs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'rarefy\[train\]'"):
        fine_tune(model, pairs, tmp_path, freeze_layers="all", lora_rank=2, **SETTINGS)


def test_a_teacher_is_needed_and_taught_by(checkpoint, model, pairs, tmp_path):
    distil = PairObjective("kl_divergence")
    with pytest.raises(InputError, match="distils and there is no teacher"):
        fine_tune(model, pairs, tmp_path, objective=distil, **SETTINGS)
    teacher = st.SentenceTransformer(checkpoint, device="cpu")
    before = state(teacher)
    fine_tune(model, pairs, tmp_path, objective=distil, teacher=teacher, max_steps=2, **SETTINGS)
    assert not changed(teacher, before)


def test_dense_vectors_stop_it(model, pairs, tmp_path):
    settings = {**SETTINGS, "guard": SparsityGuard(dense=0.01, patience=0)}
    with pytest.raises(TrainingError, match="stays dense"):
        fine_tune(model, pairs, tmp_path, **settings)


def test_refusals(model, pairs, tmp_path):
    for which in ("some", "last:0", "last:3", "last:"):
        with pytest.raises(InputError, match=f"freeze is {which!r}"):
            freeze(model, which)
    with pytest.raises(InputError, match="lora_rank is 2 with freeze_layers='none'"):
        fine_tune(model, pairs, tmp_path, lora_rank=2)
    with pytest.raises(InputError, match="there are no pairs"):
        fine_tune(model, [], tmp_path)
