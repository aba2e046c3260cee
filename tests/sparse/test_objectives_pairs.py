"""The objective of a training run: its terms are those of its parts, and it learns."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse.objectives import (  # noqa: E402
    SCORE_LOSSES,
    ExpansionControl,
    PairObjective,
    Schedule,
    df_flops,
    flops,
    kl_divergence,
    score_loss,
)
from rarefy.sparse.training.batches import PairBatches  # noqa: E402

pytestmark = pytest.mark.models


@pytest.fixture
def batch():
    """Six pairs of dense vectors, and weights that a head might give."""
    generator = torch.Generator().manual_seed(0)
    dense = torch.nn.functional.normalize(torch.randn(6, 8, generator=generator), dim=1)
    queries, documents = (torch.randn(2, 6, 20, generator=generator) - 0.5).relu()
    near = dense + 0.1 * torch.randn(6, 8, generator=generator)
    return queries, documents, SimpleNamespace(queries=dense, documents=near)


def test_terms(batch):
    queries, documents, dense = batch
    objective = PairObjective(
        score_loss("kl_divergence", teacher_temperature=0.05),
        scale=3.0,
        regulariser="flops",
        query_weight=Schedule(2.0),
        document_weight=Schedule(1.0, 10),
    )
    terms = objective(queries, documents, dense, step=5)
    teacher = dense.queries @ dense.documents.T
    expected = kl_divergence(3 * queries @ documents.T, teacher, teacher_temperature=0.05)
    torch.testing.assert_close(terms["scores"], expected)
    torch.testing.assert_close(terms["query_flops"], 2 * flops(queries))
    torch.testing.assert_close(terms["document_flops"], 0.25 * flops(documents))


def test_document_frequencies_are_part_of_the_state(batch):
    queries, documents, dense = batch
    settings = {"regulariser": "df_flops", "document_weight": Schedule(1.0), "vocabulary_size": 20}
    objective = PairObjective(**settings)
    terms = objective(queries, documents, dense, step=0)
    shares = (documents > 0).float().mean(0)
    torch.testing.assert_close(terms["document_df_flops"], df_flops(documents, shares))
    again = PairObjective(**settings)
    again.load_state_dict(objective.state_dict())
    torch.testing.assert_close(again.frequencies.shares, shares)


def test_expansion_control(batch):
    queries, documents, dense = batch
    own = torch.zeros(6, 20, dtype=torch.bool)
    own[:, ::3] = True
    settings = {"regulariser": "l1", "query_weight": Schedule(1.0)}
    masked = PairObjective(
        expansion=ExpansionControl(Schedule(0.0, 2, start=1.0, shape="constant")),
        own_terms=lambda step: own,
        **settings,
    )
    plain = PairObjective(**settings)
    assert masked(queries, documents, dense, 3) == plain(queries, documents, dense, 3)
    always = PairObjective(
        expansion=ExpansionControl(Schedule(1.0)), own_terms=lambda step: own, **settings
    )
    terms = always(queries, documents, dense, 3)
    assert terms == plain(queries * own, documents, dense, 3)
    assert terms != plain(queries, documents, dense, 3)


def test_own_terms_of_a_step_s_queries():
    vectors = np.arange(10, dtype=np.float32)[:, None]
    batches = PairBatches(vectors, vectors, size=3, seed=1)
    for step in (0, 5, 2):
        assert batches(step).queries[:, 0].tolist() == batches.rows(step).tolist()


@pytest.mark.parametrize("loss", SCORE_LOSSES)
def test_every_loss_teaches_a_linear_head(loss, batch):
    *_, dense = batch
    torch.manual_seed(0)
    head, objective = torch.nn.Linear(8, 20), PairObjective(loss)
    optimiser = torch.optim.Adam([*head.parameters(), *objective.parameters()], lr=0.02)
    losses = []
    for step in range(30):
        queries, documents = (
            head(vectors).relu().log1p() for vectors in (dense.queries, dense.documents)
        )
        total = sum(objective(queries, documents, dense, step).values())
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        losses.append(total.item())
    assert losses[-1] < losses[0] - 1e-3
    assert objective.log_scale.grad is not None


def test_bad_input():
    with pytest.raises(InputError, match="there is no loss on scores 'bpr'"):
        PairObjective("bpr")
    with pytest.raises(InputError, match="there is no regulariser 'l2'; expected one of anti_zero"):
        PairObjective(regulariser="l2")
    with pytest.raises(InputError, match="vocabulary_size is None"):
        PairObjective(regulariser="df_flops")
    with pytest.raises(InputError, match="expansion and own_terms need each other"):
        PairObjective(own_terms=lambda step: torch.ones(1))
    with pytest.raises(InputError, match="scale is 0"):
        PairObjective(scale=0)
