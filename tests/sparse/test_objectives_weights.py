"""Regularisers, word supervision, schedules and expansion control: against their definitions."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import rarefy.sparse.objectives as objectives  # noqa: E402
from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse.objectives import (  # noqa: E402
    DocumentFrequencies,
    ExpansionControl,
    Schedule,
    anti_zero,
    bag_of_words,
    df_flops,
    flops,
    joint_top_k,
    l1,
    reconstruction,
)

pytestmark = pytest.mark.models


@pytest.fixture
def weights():
    """Five sparse vectors over nine terms."""
    drawn = torch.randn(5, 9, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return drawn.relu()


@pytest.fixture
def shares():
    return torch.tensor([0, 0.001, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0], dtype=torch.float64)


def naive_flops(rows, factors):
    return sum(
        factor * (sum(row[v] for row in rows) / len(rows)) ** 2 for v, factor in enumerate(factors)
    )


def test_l1_and_flops(weights):
    rows = weights.tolist()
    assert l1(weights).item() == pytest.approx(sum(map(sum, rows)) / 5)
    assert flops(weights).item() == pytest.approx(naive_flops(rows, [1] * 9))
    heavy = [row if sum(w > 0 for w in row) > 4 else [0] * 9 for row in rows]
    assert 0 < sum(map(any, heavy)) < 5
    assert flops(weights, threshold=4).item() == pytest.approx(naive_flops(heavy, [1] * 9))


def test_df_flops(weights, shares):
    factors = [1 / (1 + (x ** math.log(2, 0.1) - 1) ** 4) if x else 0.0 for x in shares.tolist()]
    found = df_flops(weights, shares, alpha=0.1, beta=4)
    assert found.item() == pytest.approx(naive_flops(weights.tolist(), factors))
    assert factors[3] == pytest.approx(0.5)
    assert factors[8] == 1


def test_anti_zero(weights):
    assert anti_zero(weights).item() == pytest.approx(1 / sum(map(sum, weights.tolist())) ** 2)
    dead = torch.zeros(2, 3, requires_grad=True)
    anti_zero(dead).backward()
    assert dead.grad.isfinite().all()


def test_joint_top_k(weights):
    ordered = sorted(weights.flatten().tolist(), reverse=True)
    kept = joint_top_k(weights, 2.4)
    assert sorted(kept[kept > 0].tolist(), reverse=True) == ordered[:12]
    assert ((kept == weights) | (kept == 0)).all()
    assert len(set((kept > 0).sum(1).tolist())) > 1
    assert (joint_top_k(weights, 100) == weights).all()
    with pytest.raises(InputError, match="k is 0"):
        joint_top_k(weights, 0)


def test_gradients_are_those_of_finite_differences(weights, shares):
    dense = (weights + 0.1).requires_grad_()
    for regulariser in (l1, flops, anti_zero, partial(df_flops, shares=shares)):
        assert torch.autograd.gradcheck(regulariser, dense)
    assert torch.autograd.gradcheck(lambda w: joint_top_k(w, 3), dense)
    own = torch.rand(5, 9, generator=torch.Generator().manual_seed(2)) > 0.6
    assert torch.autograd.gradcheck(lambda z: bag_of_words(z, own), dense)
    for metric in ("cosine", "squared"):
        assert torch.autograd.gradcheck(
            lambda d, m=metric: reconstruction(d, weights, metric=m), dense
        )


def test_document_frequencies(weights):
    present = (weights > 0).double().mean(0)
    frequencies = DocumentFrequencies(9, memory=0.75)
    torch.testing.assert_close(frequencies.update(weights), present.float())
    shares = frequencies.update(torch.ones(2, 9))
    torch.testing.assert_close(shares, ((present + 1) / 2).float())
    for _ in range(3):
        before = shares.clone()
        shares = frequencies.update(torch.zeros(2, 9))
    torch.testing.assert_close(shares, before * 0.75)
    again = DocumentFrequencies(9)
    again.load_state_dict(frequencies.state_dict())
    assert again.updates == 5
    with pytest.raises(InputError, match="memory is 1"):
        DocumentFrequencies(9, memory=1)


def test_bag_of_words(weights):
    own = torch.zeros(5, 9, dtype=torch.bool)
    own[0, [1, 4]] = own[2, 3] = True
    losses = []
    for row, columns in [(0, [1, 4]), (2, [3])]:
        total = sum(math.exp(z) for z in weights[row].tolist())
        losses.append(
            sum(-math.log(math.exp(weights[row, c].item()) / total) for c in columns) / len(columns)
        )
    assert bag_of_words(weights, own).item() == pytest.approx(sum(losses) / 2)
    with pytest.raises(InputError, match="own has no term"):
        bag_of_words(weights, torch.zeros_like(own))


def test_reconstruction(weights):
    decoded = weights.flip(0) + 0.3
    cosines, squares = [], []
    for a, b in zip(decoded.tolist(), weights.tolist(), strict=True):
        cosines.append(
            sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)
        )
        squares += [(x - y) ** 2 for x, y in zip(a, b, strict=True)]
    assert reconstruction(decoded, weights).item() == pytest.approx(1 - sum(cosines) / 5)
    found = reconstruction(decoded, weights, metric="squared")
    assert found.item() == pytest.approx(sum(squares) / 45)
    with pytest.raises(InputError, match="metric is 'taxi'"):
        reconstruction(decoded, weights, metric="taxi")


def test_schedules():
    def values(shape):
        schedule = Schedule(2.0, 4, start=1.0, shape=shape)
        return [schedule(step) for step in (0, 1, 2, 4, 9)]

    assert values("constant") == [2, 2, 2, 2, 2]
    assert values("linear") == [1, 1.25, 1.5, 2, 2]
    assert values("quadratic") == [1, 1.0625, 1.25, 2, 2]
    assert values("cosine") == pytest.approx([1, 1 + (1 - 0.5**0.5) / 2, 1.5, 2, 2])
    assert Schedule(3.0)(0) == 3
    with pytest.raises(InputError, match="steps is -1"):
        Schedule(1, -1)
    with pytest.raises(InputError, match="shape is 'cubic'; expected one of constant"):
        Schedule(1, 1, shape="cubic")


ALWAYS, NEVER = Schedule(1.0), Schedule(0.0)


@pytest.mark.parametrize("level", ["batch", "example", "term"])
def test_expansion_control(level):
    weights = torch.rand(40, 30, generator=torch.Generator().manual_seed(0)) + 0.1
    own = torch.zeros(40, 30, dtype=torch.bool)
    own[:, :3] = True
    assert (ExpansionControl(NEVER, level)(weights, own, 5) == weights).all()
    assert (ExpansionControl(ALWAYS, level)(weights, own, 5) == weights * own).all()
    control = ExpansionControl(Schedule(0.0, 100, start=1.0, shape="linear"), level, seed=1)
    masked = []
    for step in range(100):
        kept = control(weights, own, step)
        assert (kept[:, :3] == weights[:, :3]).all()
        assert ((kept == 0) | (kept == weights)).all()
        assert (kept == control(weights, own, step)).all()
        zeros = (kept[:, 3:] == 0).float()
        if level == "batch":
            assert zeros.mean() in (0, 1)
        elif level == "example":
            assert set(zeros.mean(1).tolist()) <= {0, 1}
        masked.append(zeros.mean().item())
    # The draws' mean follows 1 - step/100: half at the whole, three quarters in the first half.
    tolerance = {"batch": 0.12, "example": 0.04, "term": 0.01}[level]
    assert sum(masked) / 100 == pytest.approx(0.505, abs=tolerance)
    assert sum(masked[:50]) / 50 == pytest.approx(0.755, abs=1.4 * tolerance)


def test_expansion_control_draws_anew_for_each_step_and_seed():
    weights = torch.ones(200, 1)
    own = torch.zeros(200, 1, dtype=torch.bool)
    half = Schedule(0.5)
    first, second = (ExpansionControl(half, "example")(weights, own, step) for step in (0, 1))
    other = ExpansionControl(half, "example", seed=1)(weights, own, 0)
    assert not torch.equal(first, second)
    assert not torch.equal(first, other)
    with pytest.raises(InputError, match="level is 'word'"):
        ExpansionControl(half, "word")


def test_expanded_text_is_the_text_s_own_vector_and_learns():
    """The published code trained the expanded text on the other side's vector."""
    weights = torch.rand(4, 6, requires_grad=True)
    own = torch.zeros(4, 6, dtype=torch.bool)
    ExpansionControl(NEVER)(weights, own, 0).sum().backward()
    assert (weights.grad == 1).all()


def test_public_names():
    assert objectives.__all__ == sorted(set(objectives.__all__), key=isort_order)
    gathered = {name for name in vars(objectives) if not name.startswith("_")}
    modules = {path.stem for path in Path(objectives.__file__).parent.glob("*.py")}
    assert gathered - modules - {"annotations"} == set(objectives.__all__)


def isort_order(name):
    """Constants, then classes, then functions, as ruff sorts `__all__`."""
    return (not name.isupper(), not name[0].isupper(), name)
