"""Losses over hard negatives and over clusters, each against loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.vq import kmeans2

torch = pytest.importorskip("torch")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse.objectives import (  # noqa: E402
    any_positive_nce,
    hard_negative_nce,
    info_nce,
    kl_divergence,
    ranked_margin,
    sigmoid_loss,
)

pytestmark = pytest.mark.models


@pytest.fixture
def scores():
    """Four queries, their documents, and two columns of hard negatives."""
    return torch.from_numpy(np.random.default_rng(0).normal(size=(4, 6)))


def test_hard_negative_nce(scores):
    ignored = torch.zeros(4, 6, dtype=torch.bool)
    ignored[1, 2] = True
    losses = []
    for i, row in enumerate(scores.numpy() / 0.5):
        others = [j for j in range(6) if j != i and not ignored[i, j]]
        weights = np.exp(0.3 * row[others])
        weights *= len(others) / weights.sum()
        total = np.exp(row[i]) + (weights * np.exp(row[others])).sum()
        losses.append(np.log(total) - row[i])
    options = {"temperature": 0.5, "directions": "queries"}
    found = hard_negative_nce(scores, None, ignored, hardness=0.3, **options)
    assert found.item() == pytest.approx(np.mean(losses))
    plain = hard_negative_nce(scores, hardness=0.0, **options)
    assert plain.item() == pytest.approx(info_nce(scores, **options).item())
    square = scores[:, :4]
    both = [hard_negative_nce(s, directions="queries").item() for s in (square, square.T)]
    assert hard_negative_nce(square).item() == pytest.approx(np.mean(both))
    with pytest.raises(InputError, match="hardness is -1"):
        hard_negative_nce(scores, hardness=-1)


def test_one_positive_of_several_is_enough(scores):
    positives = torch.eye(4, 6, dtype=torch.bool)
    positives[0, 4] = positives[2, 5] = True
    positives[3] = False  # of no loss
    ignored = torch.zeros(4, 6, dtype=torch.bool)
    ignored[1, 2] = True
    losses = []
    for i, row in enumerate(np.exp(scores.numpy()[:3] / 0.5)):
        own = [j for j in range(6) if positives[i, j]]
        told = [j for j in range(6) if not ignored[i, j]]
        losses.append(-np.log(row[own].sum() / row[told].sum()))
    options = {"temperature": 0.5, "directions": "queries"}
    found = any_positive_nce(scores, positives, ignored, **options)
    assert found.item() == pytest.approx(np.mean(losses))
    alone = any_positive_nce(scores, **options).item()
    assert alone == pytest.approx(info_nce(scores, **options).item())


@pytest.mark.parametrize("most", [0.1, 5.0])
def test_ranked_margin(scores, most):
    scores = scores + 0.5 * torch.eye(4, 6)
    apart = [row[i] - row[j] for i, row in enumerate(scores.numpy()) for j in range(6) if j != i]
    margin = np.clip(np.mean(apart), 0, most)
    expected = np.mean([max(0.0, margin - each) for each in apart])
    found = ranked_margin(scores, most=most, directions="queries")
    assert found.item() == pytest.approx(expected)
    assert ranked_margin(scores * 0, most=most).item() == 0
    with pytest.raises(InputError, match="most is 0"):
        ranked_margin(scores, most=0)
    with pytest.raises(InputError, match="positives has none"):
        ranked_margin(scores, torch.zeros(4, 6, dtype=torch.bool))


@pytest.mark.parametrize("loss", [hard_negative_nce, ranked_margin])
def test_without_negatives(loss, scores):
    alone = scores[:1, :1].clone().requires_grad_()
    value = loss(alone)
    value.backward()
    assert value.item() == pytest.approx(0)
    assert torch.isfinite(alone.grad).all()


def test_clusters_as_targets():
    """The centres of k-means take the place of documents in any loss."""
    random = np.random.default_rng(1)
    places = np.eye(3)[[0, 0, 1, 1, 2, 2]] * 4
    vectors = places + random.normal(scale=0.1, size=places.shape)
    centres, labels = kmeans2(vectors, places[::2], minit="matrix")
    scores = torch.from_numpy(vectors @ centres.T)
    own = torch.nn.functional.one_hot(torch.from_numpy(labels).long()).bool()
    prototypes = info_nce(scores, own, directions="queries").item()
    rows = scores.numpy()
    expected = np.log(np.exp(rows).sum(1)) - rows[np.arange(6), labels]
    assert prototypes == pytest.approx(expected.mean())
    assert info_nce(scores, own.roll(1, 1), directions="queries").item() > prototypes
    several = own | own.roll(1, 1)  # two clusters each
    signs = np.where(several, 1, -1)
    expected = np.log1p(np.exp(-signs * rows)).sum(1).mean()
    assert sigmoid_loss(scores, several, scale=1, bias=0).item() == pytest.approx(expected)
    assert kl_divergence(scores, scores, directions="queries").item() == pytest.approx(0, abs=1e-9)
    assert kl_divergence(scores.roll(1, 1), scores, directions="queries").item() > 1


def test_scores_of_another_geometry(scores):
    """A loss takes any score; an index takes the dot product alone."""
    x, y = scores[:, :3], scores[:, 3:]
    found = info_nce(-torch.cdist(x, y).square(), directions="queries").item()
    losses = []
    for i, one in enumerate(x.numpy()):
        near = [-((one - other) ** 2).sum() for other in y.numpy()]
        losses.append(np.log(np.exp(near).sum()) - near[i])
    assert found == pytest.approx(np.mean(losses))
