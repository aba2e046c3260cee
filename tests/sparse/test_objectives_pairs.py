"""The objective of a training run: its terms are those of its parts, and it learns."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse.objectives import (  # noqa: E402
    SCORE_LOSSES,
    DecodedVectors,
    ExpansionControl,
    JointObjective,
    OwnWords,
    PairObjective,
    Schedule,
    bag_of_words,
    df_flops,
    easy_negatives,
    false_negatives,
    flops,
    info_nce,
    joint_top_k,
    kl_divergence,
    score_loss,
)
from rarefy.sparse.training import OwnTerms, PairBatches, terms_of  # noqa: E402

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


def test_own_terms_of_a_step_s_queries(tokenizer, texts):
    vectors = np.arange(len(texts), dtype=np.float32)[:, None]
    batches = PairBatches(vectors, vectors, size=3, seed=1)
    own = OwnTerms(terms_of(tokenizer, texts, len(tokenizer)), batches.rows)
    for step in (0, 5, 2):
        rows = batches.rows(step)
        assert batches(step).queries[:, 0].tolist() == rows.tolist()
        expected = [set(tokenizer.convert_tokens_to_ids(texts[row].split())) for row in rows]
        assert [set(row.nonzero()[:, 0].tolist()) for row in own(step)] == expected


def test_own_terms_reach_to_the_end_of_a_text(tokenizer):
    long = " ".join(["cat"] * 3 * tokenizer.model_max_length + ["mat"])
    own = terms_of(tokenizer, [long, "", "zebra"], len(tokenizer)).toarray()
    assert own[0].nonzero()[0].tolist() == sorted(tokenizer.convert_tokens_to_ids(["cat", "mat"]))
    assert not own[1].any()
    assert own[2].nonzero()[0].tolist() == [tokenizer.unk_token_id]


def test_a_batch_shares_its_terms(batch):
    queries, documents, dense = batch
    objective = PairObjective(query_terms=Schedule(2.0), document_terms=Schedule(5.0))
    few = joint_top_k(queries, 2), joint_top_k(documents, 5)
    assert objective(queries, documents, dense, 0) == PairObjective()(*few, dense, 0)
    assert objective(queries, documents, dense, 0) != PairObjective()(*batch, 0)


def test_positives_and_ignored_cells_by_the_teacher(batch):
    queries, documents, dense = batch
    scores, teacher = queries @ documents.T, dense.queries @ dense.documents.T
    diagonal = torch.eye(6, dtype=torch.bool)
    near = false_negatives(teacher, share=0.5)
    assert near.any()
    several = PairObjective("info_nce", positives=lambda teacher: teacher > 0.2)
    torch.testing.assert_close(
        several(*batch, 0)["scores"], info_nce(scores, diagonal | (teacher > 0.2))
    )
    ignoring = PairObjective("info_nce", ignored=lambda t: false_negatives(t, share=0.5))
    torch.testing.assert_close(ignoring(*batch, 0)["scores"], info_nce(scores, ignored=near))
    hardest = PairObjective("info_nce", ignored=lambda t: easy_negatives(t, hardest=2))
    torch.testing.assert_close(
        hardest(*batch, 0)["scores"],
        info_nce(scores, ignored=easy_negatives(teacher, hardest=2)),
    )


class Head(torch.nn.Module):
    """Logits for the last five of 20 terms."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(8, 5, dtype=torch.float64)
        self.columns = torch.arange(15, 20)
        self.logits = self.linear


def test_own_words(batch):
    queries, documents, dense = batch
    dense = SimpleNamespace(queries=dense.queries.double(), documents=dense.documents.double())
    own = torch.zeros(6, 20, dtype=torch.bool)
    own[0, 3] = own[1, 15] = own[1, 17] = own[4, 19] = True
    torch.manual_seed(0)
    head = Head()
    objective = OwnWords(head, lambda step: own if step == 7 else ~own, weight=0.5)
    (term,) = objective(queries, documents, dense, 7).values()
    logits = head.logits(dense.documents)
    torch.testing.assert_close(term, 0.5 * bag_of_words(logits, own[:, 15:]))
    chosen = [logits.log_softmax(1)[1, [0, 2]].mean(), logits.log_softmax(1)[4, 4]]
    torch.testing.assert_close(term, -0.5 * torch.stack(chosen).mean())

    def loss(weight):
        logits = dense.documents @ weight.T
        return bag_of_words(logits, own[:, 15:])

    assert torch.autograd.gradcheck(loss, head.linear.weight.detach().requires_grad_())


def test_decoded_vectors(batch):
    queries, documents, dense = batch
    rows = torch.randn(20, 8, generator=torch.Generator().manual_seed(1))
    objective = DecodedVectors(rows, weight=2.0)
    (term,) = objective(queries, documents, dense, 0).values()
    cosines = [
        torch.nn.functional.cosine_similarity(weights @ rows, vectors, dim=1).mean()
        for weights, vectors in ((queries, dense.queries), (documents, dense.documents))
    ]
    torch.testing.assert_close(term, 2 - sum(cosines))
    assert torch.equal(objective.decoder.detach(), rows)
    precise = DecodedVectors(rows.double(), metric="squared")
    sides = SimpleNamespace(queries=dense.queries.double(), documents=dense.documents.double())

    def loss(weights):
        return precise(weights, documents.double(), sides, 0)["reconstruction"]

    assert torch.autograd.gradcheck(loss, queries.double().requires_grad_())


def test_joint_objective(batch):
    decoded = DecodedVectors(torch.ones(20, 8))
    joint = JointObjective(PairObjective(scale=2.0), decoded, lambda *_: {"one": torch.ones(())})
    terms = joint(*batch, 0)
    assert list(terms) == ["scores", "reconstruction", "one"]
    assert terms["scores"] == PairObjective(scale=2.0)(*batch, 0)["scores"]
    assert len(list(joint.parameters())) == 2
    assert any(name.endswith("decoder") for name in joint.state_dict())
    with pytest.raises(InputError, match="two objectives have a term 'scores'"):
        JointObjective(PairObjective(), PairObjective())(*batch, 0)
    with pytest.raises(InputError, match="no objectives"):
        JointObjective()


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
