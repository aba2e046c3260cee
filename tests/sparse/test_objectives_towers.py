"""Objectives for several towers, each against its formula written out in loops."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse.objectives import (  # noqa: E402
    AveragedTeacher,
    JointObjective,
    PairObjective,
    alignment_loss,
    caption_gated,
    geodesic_mixup,
    info_loob,
    rank_consistency,
    slerp,
    symile,
    uniformity_loss,
    universal_contrast,
)
from rarefy.sparse.training import Batch, SparsityGuard, TrainingPlan, train  # noqa: E402
from rarefy.sparse.training.gap import NoisyBatches, shifted  # noqa: E402

pytestmark = pytest.mark.models


@pytest.fixture
def sides():
    """Three modalities of 5 items, float64 [5, 4]."""
    random = torch.Generator().manual_seed(0)
    return [torch.rand(5, 4, generator=random, dtype=torch.float64) for _ in range(3)]


def log_softmax(value, values):
    return value - np.log(sum(np.exp(other) for other in values))


@pytest.mark.parametrize("count", [2, 3])
def test_universal_contrast(sides, count):
    given = [side.numpy() for side in sides[:count]]
    losses = []
    for a, own in enumerate(given):
        for b, other in enumerate(given):
            if a == b:
                continue
            for i, vector in enumerate(own):
                keys = [
                    vector @ key / 0.5
                    for c, side in enumerate(given)
                    for k, key in enumerate(side)
                    if (c, k) != (a, i)
                ]
                losses.append(-log_softmax(vector @ other[i] / 0.5, keys))
    found = universal_contrast(*sides[:count], temperature=0.5)
    assert found.item() == pytest.approx(np.mean(losses))
    with pytest.raises(InputError, match="1 modalities"):
        universal_contrast(sides[0])
    with pytest.raises(InputError, match=r"\(4, 4\), \(5, 4\)"):
        universal_contrast(sides[0], sides[1][1:])


def test_symile(sides):
    given = [side.numpy() for side in sides]
    losses = []
    for turn in range(3):
        x, y, z = (given[(turn + shift) % 3] for shift in range(3))
        for i in range(5):
            scores = [2 * (x[i] * y[j] * z[j]).sum() for j in range(5)]
            scores += [2 * (x[i] * y[j] * z[j - 1]).sum() for j in range(5)]
            losses.append(-log_softmax(scores[i], scores))
    assert symile(*sides, scale=2.0).item() == pytest.approx(np.mean(losses))
    with pytest.raises(InputError, match="expected 3 or more"):
        symile(sides[0], sides[1], sides[2][:3])


def test_info_loob():
    scores = torch.tensor([[1.0, 0.2, 0.4], [0.1, 0.9, 0.3], [0.5, 0.6, 0.7]])
    losses = []
    for matrix in (scores.numpy(), scores.numpy().T):
        for i in range(3):
            others = sum(np.exp(matrix[i, j] / 0.5) for j in range(3) if j != i)
            losses.append(np.log(others) - matrix[i, i] / 0.5)
    assert info_loob(scores, temperature=0.5).item() == pytest.approx(np.mean(losses))
    ignored = torch.zeros(3, 3, dtype=torch.bool)
    ignored[0, 1] = True
    row = info_loob(scores, ignored=ignored, directions="queries").item()
    parts = [-1 + 0.4, -0.9 + np.log(np.exp(0.1) + np.exp(0.3))]
    parts.append(-0.7 + np.log(np.exp(0.5) + np.exp(0.6)))
    assert row == pytest.approx(np.mean(parts))
    with pytest.raises(InputError, match="no negatives"):
        info_loob(scores[:1, :1])
    with pytest.raises(InputError, match="positives has none"):
        info_loob(scores, torch.zeros(3, 3, dtype=torch.bool))


def test_rank_consistency():
    random = np.random.default_rng(1)
    scores, teacher = random.normal(size=(2, 4, 5))
    losses = []
    for own, taught in zip(scores, teacher, strict=True):
        order = np.argsort(-taught)
        for place, column in enumerate(order):
            losses.append(-log_softmax(own[column], own[order[place:]]))
    found = rank_consistency(
        torch.from_numpy(scores), torch.from_numpy(teacher), directions="queries"
    )
    assert found.item() == pytest.approx(np.mean(losses))
    ordered = torch.tensor([[9.0, 5.0, 1.0]])
    assert rank_consistency(ordered, ordered, directions="queries") < rank_consistency(
        ordered, -ordered, directions="queries"
    )


def test_slerp(sides):
    one, other = (side / side.norm(dim=1, keepdim=True) for side in sides[:2])
    torch.testing.assert_close(slerp(one, other, 0.0), one)
    torch.testing.assert_close(slerp(one, other, 1.0), other)
    middle = slerp(3 * one, other, 0.5)
    torch.testing.assert_close(middle, torch.nn.functional.normalize(one + other, dim=1))
    assert (slerp(one, one, 0.3) - one).abs().max() < 1e-3
    shares = torch.tensor([0.1, 0.9, 0.4, 0.6], dtype=torch.float64)  # as many as entries
    mixed = slerp(one[:4], other[:4], shares)
    for row, share in enumerate(shares):
        own = slice(row, row + 1)
        torch.testing.assert_close(mixed[own], slerp(one[own], other[own], share))
    half = slerp(one.bfloat16(), one.bfloat16(), 0.5)
    torch.testing.assert_close(half, one.bfloat16(), atol=0.02, rtol=0)


def test_geodesic_mixup(sides):
    one, other = ((side / side.norm(dim=1, keepdim=True)) for side in sides[:2])
    mixed = slerp(one, other, 0.3).numpy()
    losses = []
    for side in (one.numpy(), other.numpy()):
        for i in range(5):
            own = (one[i] @ other[i]).item() / 0.1
            scores = [own if j == i else side[i] @ mixed[j] / 0.1 for j in range(5)]
            losses.append(-log_softmax(own, scores))
    found = geodesic_mixup(*sides[:2], share=0.3, temperature=0.1)
    assert found.item() == pytest.approx(np.mean(losses))
    with pytest.raises(InputError, match="expected the same shape"):
        geodesic_mixup(sides[0], sides[1][:2])


def test_caption_gated():
    random = np.random.default_rng(2)
    logits = random.normal(size=(3, 4))
    captions = np.array([[1.0, 0, 2, 0], [0, 0, 0, 0], [0, 0.5, 0, 0]])
    chances = 1 / (1 + np.exp(-logits))
    losses = []
    for i in (0, 2):
        gates = [captions[i, v] * (chances[i, v] + chances[:, v].mean()) for v in range(4)]
        losses.append(-sum(g / sum(gates) * np.log(chances[i, v]) for v, g in enumerate(gates)))
    found = caption_gated(torch.from_numpy(logits), torch.from_numpy(captions))
    assert found.item() == pytest.approx(np.mean(losses))
    with pytest.raises(InputError, match="captions have no term"):
        caption_gated(torch.from_numpy(logits), torch.zeros(3, 4))


def test_captions_of_terms_that_no_picture_is_near_to():
    logits = torch.full((2, 3), -200.0, requires_grad=True)  # a sigmoid of 0 in float32
    captions = torch.tensor([[1.0, 3, 0], [0, 0, 1e-30]])
    loss = caption_gated(logits, captions)
    assert loss.item() == pytest.approx(200)
    loss.backward()
    expected = torch.tensor([[-0.25, -0.75, 0], [0, 0, -1]]) / 2
    torch.testing.assert_close(logits.grad, expected)


def test_alignment_and_uniformity_are_those_of_the_report(sides):
    from rarefy.eval.diagnostics import alignment, uniformity

    x, y = (side.numpy() for side in sides[:2])
    assert alignment_loss(*sides[:2]).item() == pytest.approx(alignment(x, y))
    assert uniformity_loss(sides[0], t=1.5).item() == pytest.approx(uniformity(x, t=1.5))
    with pytest.raises(InputError, match="there are 1 vectors"):
        uniformity_loss(sides[0][:1])


class Head(torch.nn.Module):
    """A linear map, of which nothing is negative."""

    def __init__(self):
        super().__init__()
        self.rows = torch.nn.Linear(4, 6)

    def forward(self, features, *, task):
        return {"sentence_embedding": self.rows(features["sentence_embedding"]).relu()}


def test_averaged_teacher(sides):
    torch.manual_seed(0)
    head = Head().double()
    teacher = AveragedTeacher(head, momentum=0.75, weight=2.0)
    before = head.rows.weight.detach().clone()
    batch = SimpleNamespace(queries=sides[0], documents=sides[1])

    def term(step):
        weights = [
            head({"sentence_embedding": side}, task="query")["sentence_embedding"]
            for side in sides[:2]
        ]
        return teacher(*weights, batch, step)["averaged_teacher"]

    assert term(0).item() == pytest.approx(0, abs=1e-9)  # its own teacher
    with torch.no_grad():
        head.rows.weight.add_(1.0)
    assert term(1).item() > 0
    torch.testing.assert_close(teacher.average.rows.weight, before + 0.25)
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    with pytest.raises(InputError, match=r"momentum is 1\.5"):
        AveragedTeacher(head, momentum=1.5)


def test_a_head_that_is_trained_on_keeps_to_what_it_was(tmp_path):
    """With a momentum of 1 queries of the new head find more of what the old one indexed."""
    random = torch.Generator().manual_seed(5)
    vectors = torch.randn(64, 4, generator=random)
    pairs = Batch(vectors, vectors.roll(1, 0))  # another task than before
    found = []
    for weight in (0.0, 30.0):
        torch.manual_seed(1)
        head = Head()
        indexed = head({"sentence_embedding": vectors}, task="document")["sentence_embedding"]
        indexed = torch.nn.functional.normalize(indexed.detach(), dim=1)
        teacher = AveragedTeacher(head, momentum=1.0, weight=weight)
        objective = JointObjective(PairObjective("info_nce"), teacher)
        guard = SparsityGuard(dense=1.0)
        plan = TrainingPlan(30, learning_rate=0.05)
        train(head, lambda _: pairs, objective, plan, tmp_path / str(weight), guard=guard)
        asked = head({"sentence_embedding": vectors}, task="query")["sentence_embedding"]
        own = (asked @ indexed.T).argmax(1) == torch.arange(64)
        found.append(own.float().mean().item())
    assert found[1] > found[0] + 0.1


def test_an_averaged_teacher_is_resumed(tmp_path):
    random = torch.Generator().manual_seed(3)
    vectors = torch.rand(8, 4, generator=random)

    def run(name, **options):
        torch.manual_seed(1)
        head = Head()
        teacher = AveragedTeacher(head, momentum=0.5)
        objective = JointObjective(PairObjective("info_nce"), teacher)
        plan = TrainingPlan(4, warmup=0, learning_rate=0.1)
        train(head, lambda _: Batch(vectors, vectors), objective, plan, tmp_path / name, **options)
        return teacher.average.rows.weight

    whole = run("whole")
    run("stopped", minutes=0)
    assert torch.equal(run("stopped", resume=True), whole)


def test_shifted():
    random = np.random.default_rng(4)
    x, y = random.normal(size=(6, 3)) + 2, random.normal(size=(4, 3)) - 2

    def mean(rows):
        return np.mean([row / np.linalg.norm(row) for row in rows], axis=0)

    moved = shifted(x, y, share=0.4)
    for found, row in zip(moved, x, strict=True):
        expected = row / np.linalg.norm(row) + 0.4 * (mean(y) - mean(x))
        np.testing.assert_allclose(found, expected / np.linalg.norm(expected), rtol=1e-5)
    np.testing.assert_allclose(shifted(x, y, share=0), x / np.linalg.norm(x, axis=1)[:, None])
    with pytest.raises(InputError, match="3 and 2 entries"):
        shifted(x, y[:, :2])


def test_noise_is_of_the_seed_and_the_step():
    vectors = torch.nn.functional.normalize(torch.rand(300, 40), dim=1)
    noisy = NoisyBatches(lambda _: Batch(vectors, vectors), 0.1, side="queries", seed=5)
    batch = noisy(3)
    assert torch.equal(batch.documents, vectors)
    assert torch.equal(batch.queries, noisy(3).queries)
    assert not torch.equal(batch.queries, noisy(4).queries)
    torch.testing.assert_close(batch.queries.norm(dim=1), torch.ones(300))
    generator = torch.Generator().manual_seed((5 << 32) + 3)
    drawn = vectors + 0.1 * torch.randn(300, 40, generator=generator)
    torch.testing.assert_close(batch.queries, torch.nn.functional.normalize(drawn, dim=1))
    for options, message in (
        ({"deviation": -1}, "deviation is -1"),
        ({"side": "x"}, "side is 'x'"),
    ):
        with pytest.raises(InputError, match=message):
            NoisyBatches(lambda _: None, **{"deviation": 0.1, **options})
