"""The training loop: it learns, it can be killed, and it gives up in time."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rarefy.errors import InputError, TrainingError  # noqa: E402
from rarefy.sparse.training import PairBatches, SparsityGuard, TrainingPlan, train  # noqa: E402

pytestmark = pytest.mark.models

# A program that trains a toy, and is killed in step `stop` if that is not 0. Dropout makes it
# depend on torch's random state, the scale on the objective's.
PROGRAM = """
import os, signal, sys
import numpy as np, torch
from torch import nn
from rarefy.sparse.training import PairBatches, SparsityGuard, TrainingPlan, train

folder, stop, resume = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "resume"
torch.manual_seed(int(sys.argv[2]))  # the state around a run must not matter

class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.dropout = nn.Linear(8, 40), nn.Dropout(0.1)
        with torch.no_grad():
            self.linear.weight.copy_(torch.arange(320).reshape(40, 8).sin())
            self.linear.bias.zero_()

    def forward(self, features, task=None):
        logits = self.linear(self.dropout(features["sentence_embedding"]))
        return {"sentence_embedding": logits.relu().log1p()}

class Contrast(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, queries, documents, batch, step):
        scores = self.scale.exp() * queries @ documents.T
        flops = (queries.mean(0) ** 2).sum() + (documents.mean(0) ** 2).sum()
        return {"contrast": nn.functional.cross_entropy(scores, torch.arange(len(scores))),
                "flops": 1e-3 * min(1, step / 10) * flops}

vectors = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float16)
noisy = vectors + np.random.default_rng(1).normal(size=(50, 8)).astype(np.float16) * 0.1
batches = PairBatches(noisy, vectors, size=10, seed=3)

def killed(step):
    if stop and step == stop:
        os.kill(os.getpid(), signal.SIGKILL)
    return batches(step)

head, objective = Head(), Contrast()
plan = TrainingPlan(steps=23, learning_rate=0.01, warmup=5, checkpoint_every=4, log_every=2)
history = train(head, killed, objective, plan, folder, resume=resume,
                guard=SparsityGuard(dense=1.0))
state = [*head.state_dict().values(), *objective.state_dict().values()]
sys.stdout.buffer.write(b"".join(tensor.numpy().tobytes() for tensor in state))
"""


class Head(torch.nn.Module):
    def __init__(self, width=8, terms=40, bias=0.0):
        super().__init__()
        self.linear = torch.nn.Linear(width, terms)
        torch.nn.init.normal_(
            self.linear.weight, std=0.1, generator=torch.Generator().manual_seed(0)
        )
        torch.nn.init.constant_(self.linear.bias, bias)

    def forward(self, features, task=None):
        logits = self.linear(features["sentence_embedding"])
        return {"sentence_embedding": logits.relu().log1p()}


def contrast(queries, documents, batch, step):
    scores = queries @ documents.T
    return {"contrast": torch.nn.functional.cross_entropy(scores, torch.arange(len(scores)))}


@pytest.fixture
def batches():
    random = np.random.default_rng(0)
    documents = random.normal(size=(64, 8)).astype(np.float32)
    queries = documents + 0.3 * random.normal(size=(64, 8)).astype(np.float32)
    return PairBatches(queries, documents, size=16)


LOOSE = SparsityGuard(dense=1.0)


def run(folder, stop=0, mode="new"):
    command = [sys.executable, "-c", PROGRAM, str(folder), str(stop), mode]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, timeout=120, env=environment, check=False)


def test_killed_and_resumed_is_the_same_to_the_bit(tmp_path):
    whole = run(tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr.decode()
    killed = run(tmp_path / "killed", stop=14)
    assert killed.returncode == -signal.SIGKILL
    resumed = run(tmp_path / "killed", mode="resume")
    assert resumed.returncode == 0, resumed.stderr.decode()
    assert hashlib.sha256(resumed.stdout).digest() == hashlib.sha256(whole.stdout).digest()
    assert len(whole.stdout) == 4 * (320 + 40 + 1)

    one, other = (json.loads((tmp_path / name / "history.json").read_text())
                  for name in ("whole", "killed"))  # fmt: skip
    for record in [*one["records"], *other["records"]]:
        del record["seconds"]
    assert one == other
    assert one["finished"] is True
    assert [record["step"] for record in one["records"]] == [1, *range(2, 23, 2), 23]


def test_it_learns_and_records(tmp_path, batches):
    head = Head()
    seen = []

    def validate(model):
        assert not model.training
        assert not torch.is_grad_enabled()
        seen.append(model)
        return 0.1 * len(seen)

    plan = TrainingPlan(steps=60, learning_rate=0.02, validate_every=25, dtype="float32")
    history = train(head, batches, contrast, plan, tmp_path, validate=validate, guard=LOOSE)
    first, last = history.records[0], history.records[-1]
    assert last["loss"] < 0.5 * first["loss"]
    assert first["loss"] == first["contrast"]
    validated = {r["step"]: r["validation"] for r in history.records if "validation" in r}
    assert validated == pytest.approx({25: 0.1, 50: 0.2, 60: 0.3})
    assert history.finished
    assert not head.training
    assert 0 < last["flops"] <= min(last["query_nnz"], last["document_nnz"])
    drawing = ET.fromstring((tmp_path / "curves.svg").read_text())
    lines = drawing.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 5
    assert len(lines[-1].get("points").split()) == 4  # the last one twice


def test_measures_of_a_batch(tmp_path):
    """Against counting by hand."""
    weights = torch.tensor([[1.0, 0, 0], [0, 1, 1]])
    head = torch.nn.Linear(2, 3, bias=False)
    head.forward = lambda features, task: {
        "sentence_embedding": features["sentence_embedding"] @ head.weight.T
    }
    head.weight.data.copy_(weights.T)
    pairs = np.array([[1, 0], [0, 1]], dtype=np.float32)
    plan = TrainingPlan(steps=1, warmup=0, dtype="float32")
    batches = PairBatches(pairs, pairs, size=2)
    (record,) = train(head, batches, contrast, plan, tmp_path, guard=LOOSE).records
    assert record["query_nnz"] == record["document_nnz"] == 1.5
    assert record["flops"] == pytest.approx((1 + 0 + 0 + 2) / 4)


def test_minutes_stop_it_and_resuming_goes_on(tmp_path, batches):
    plan = TrainingPlan(steps=12, warmup=0, dtype="float32")
    whole, head = Head(), Head()
    train(whole, batches, contrast, plan, tmp_path / "whole", guard=LOOSE)
    folder = tmp_path / "parts"
    stopped = train(head, batches, contrast, plan, folder, guard=LOOSE, minutes=1e-9)
    assert (stopped.steps, stopped.finished) == (1, False)
    history = train(head, batches, contrast, plan, folder, guard=LOOSE, resume=True)
    assert (history.steps, history.finished) == (12, True)
    torch.testing.assert_close(head.state_dict(), whole.state_dict(), rtol=0, atol=0)
    again = train(head, batches, contrast, plan, folder, guard=LOOSE, resume=True)
    assert again.finished


def test_learning_rate():
    plan = TrainingPlan(steps=10, learning_rate=1.0, warmup=4)
    rates = [plan.learning_rate_at(step) for step in range(10)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])
    assert TrainingPlan(steps=3, warmup=3).learning_rate_at(2) == 1e-3


def test_the_state_around_a_run_is_left_alone(tmp_path, batches):
    head = Head()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(head, batches, contrast, TrainingPlan(steps=1, warmup=0), tmp_path, guard=LOOSE)
    assert torch.equal(torch.rand(3), expected)


def test_collapsed_vectors_stop_it(tmp_path, batches):
    with pytest.raises(TrainingError, match="of the query vectors are empty at step 0"):
        train(Head(bias=-100), batches, contrast, TrainingPlan(steps=30), tmp_path)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_dense_vectors_stop_it_after_a_while(tmp_path, batches):
    guard = SparsityGuard(dense=0.2, patience=19)
    plan = TrainingPlan(steps=40, learning_rate=1e-6)
    with pytest.raises(TrainingError, match=r"has \d\d\.\d% of all terms at step 19.*stays dense"):
        train(Head(), batches, contrast, plan, tmp_path, guard=guard)


def test_no_number_stops_it(tmp_path, batches):
    def broken(queries, documents, batch, step):
        return {"broken": queries.sum() * float("nan")}

    with pytest.raises(TrainingError, match="the loss is nan at step 0"):
        train(Head(), batches, broken, TrainingPlan(steps=30), tmp_path)


def test_refusals(tmp_path, batches):
    plan = TrainingPlan(steps=4, warmup=0)
    train(Head(), batches, contrast, plan, tmp_path, guard=LOOSE)
    with pytest.raises(InputError, match="holds the checkpoint of a run: resume it"):
        train(Head(), batches, contrast, plan, tmp_path)
    other = TrainingPlan(steps=5, warmup=0)
    with pytest.raises(InputError, match="is of a run with steps=4, this one has steps=5"):
        train(Head(), batches, contrast, other, tmp_path, resume=True)
    with pytest.raises(InputError, match="is of another model"):
        train(Head(terms=41), batches, contrast, plan, tmp_path, resume=True)
    (tmp_path / "checkpoint.pt").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="cannot be read as a checkpoint"):
        train(Head(), batches, contrast, plan, tmp_path, resume=True)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"warmup": 11}, "warmup is 11; expected 0 to 10"),
        ({"dtype": "int8"}, "dtype is 'int8'"),
    ],
)
def test_a_plan_is_checked(wrong, message):
    with pytest.raises(InputError, match=message):
        TrainingPlan(**{"steps": 10, "warmup": 1, **wrong})


def test_a_guard_is_checked():
    with pytest.raises(InputError, match="dense is 0"):
        SparsityGuard(dense=0)
