"""Losses on score matrices: against loops over cells, and against finite differences."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse.objectives import (  # noqa: E402
    SCORE_LOSSES,
    easy_negatives,
    false_negatives,
    info_nce,
    kl_divergence,
    margin_mse,
    same_item,
    score_loss,
    score_matrix,
    sigmoid_loss,
    weighted_info_nce,
)

pytestmark = pytest.mark.models


@pytest.fixture
def given():
    """Scores of 4 queries and 6 documents, a teacher's, positives, and what is ignored."""
    generator = torch.Generator().manual_seed(3)
    scores, teacher = torch.rand(2, 4, 6, generator=generator, dtype=torch.float64) * 3
    positives = torch.eye(4, 6, dtype=torch.bool)
    positives[0, 4] = positives[2, 1] = True
    ignored = torch.zeros(4, 6, dtype=torch.bool)
    ignored[1, 0] = ignored[3, 5] = True
    return scores, teacher, positives, ignored


def softmax(values):
    total = sum(math.exp(value) for value in values)
    return [math.exp(value) / total for value in values]


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def naive_info_nce(scores, positives, ignored, weights, temperature):
    losses = []
    for i in range(len(scores)):
        own = [j for j in range(len(scores[0])) if positives[i][j]]
        if not own:
            continue
        others = [j for j in range(len(scores[0])) if positives[i][j] or not ignored[i][j]]
        total = sum(math.exp(scores[i][j] / temperature) for j in others)
        losses.append(
            mean(
                -weights[i][j] * math.log(math.exp(scores[i][j] / temperature) / total) for j in own
            )
        )
    return mean(losses)


def transposed(matrix):
    return [list(column) for column in zip(*matrix, strict=True)]


def test_info_nce(given):
    scores, teacher, positives, ignored = given
    matrices = [m.tolist() for m in (scores, positives, ignored, teacher)]
    rows = naive_info_nce(*matrices, 0.7)
    columns = naive_info_nce(*map(transposed, matrices), 0.7)
    for directions, expected in {
        "queries": rows,
        "documents": columns,
        "both": (rows + columns) / 2,
    }.items():
        loss = info_nce(
            scores, positives, ignored, weights=teacher, temperature=0.7, directions=directions
        )
        assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_info_nce_without_masks_is_cross_entropy(given):
    scores = given[0]
    labels = torch.arange(4)
    rows = torch.nn.functional.cross_entropy(scores, labels)
    assert info_nce(scores, directions="queries").item() == pytest.approx(rows.item())
    columns = torch.nn.functional.cross_entropy(scores.T[:4], labels)
    assert info_nce(scores).item() == pytest.approx(((rows + columns) / 2).item())


def test_a_query_without_positives_is_left_out(given):
    scores, _, positives, _ = given
    positives[1] = False
    kept = [0, 2, 3]
    loss = info_nce(scores, positives, directions="queries")
    assert loss == info_nce(scores[kept], positives[kept], directions="queries")


def test_weighted_info_nce(given):
    scores, teacher, positives, ignored = given
    teacher[0, 0] = -1
    by_score = [[max(0, value) for value in row] for row in teacher.tolist()]
    by_rank = [
        [1 / math.log2(2 + sum(other > value for other in row)) for value in row]
        for row in teacher.tolist()
    ]
    for by, weights in {"score": by_score, "rank": by_rank}.items():
        loss = weighted_info_nce(scores, teacher, positives, ignored, by=by, directions="queries")
        expected = naive_info_nce(
            scores.tolist(), positives.tolist(), ignored.tolist(), weights, 1.0
        )
        assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_sigmoid_loss(given):
    scores, _, positives, ignored = given
    expected = 0.0
    for i in range(4):
        for j in range(6):
            if positives[i, j] or not ignored[i, j]:
                z = 1 if positives[i, j] else -1
                expected += math.log(1 + math.exp(-z * (2 * scores[i, j].item() - 1.5)))
    loss = sigmoid_loss(scores, positives, ignored, scale=2.0, bias=-1.5)
    assert loss.item() == pytest.approx(expected / 4, rel=1e-12)


def naive_distillation(scores, teacher, ignored, temperature, teacher_temperature, entropy):
    losses = []
    for own, target, out in zip(scores, teacher, ignored, strict=True):
        kept = [j for j in range(len(own)) if not out[j]]
        s = softmax([own[j] / temperature for j in kept])
        p = softmax([target[j] / teacher_temperature for j in kept])
        losses.append(
            sum(
                pj * ((math.log(pj) if entropy else 0) - math.log(sj))
                for pj, sj in zip(p, s, strict=True)
            )
        )
    return mean(losses)


@pytest.mark.parametrize(("loss", "entropy"), [(kl_divergence, True), (score_matrix, False)])
def test_distillation_of_scores(given, loss, entropy):
    scores, teacher, _, ignored = given
    matrices = [m.tolist() for m in (scores, teacher, ignored)]
    rows = naive_distillation(*matrices, 0.5, 0.3, entropy)
    columns = naive_distillation(*map(transposed, matrices), 0.5, 0.3, entropy)
    for directions, expected in {"queries": rows, "both": (rows + columns) / 2}.items():
        found = loss(
            scores,
            teacher,
            ignored,
            temperature=0.5,
            teacher_temperature=0.3,
            directions=directions,
        )
        assert found.item() == pytest.approx(expected, rel=1e-9)


def test_no_divergence_from_oneself(given):
    scores = given[0]
    assert kl_divergence(scores, scores).item() == pytest.approx(0, abs=1e-12)
    assert kl_divergence(scores, scores + 5).item() == pytest.approx(0, abs=1e-12)


def test_margin_mse(given):
    scores, teacher, positives, ignored = given
    squares = [
        (scores[i, p] - scores[i, n] - teacher[i, p] + teacher[i, n]).item() ** 2
        for i in range(4)
        for p in range(6)
        for n in range(6)
        if positives[i, p] and not positives[i, n] and not ignored[i, n]
    ]
    assert margin_mse(scores, teacher, positives, ignored).item() == pytest.approx(mean(squares))


@pytest.mark.parametrize(
    "loss",
    [
        *SCORE_LOSSES.values(),
        score_loss("info_nce", temperature=0.3, directions="documents"),
        score_loss("kl_divergence", directions="both"),
        score_loss("weighted_info_nce", by="rank"),
    ],
)
def test_gradients_are_those_of_finite_differences(given, loss):
    scores, *rest = given
    scores.requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss(s, *rest), scores)


def test_learnt_temperature_and_bias_get_gradients(given):
    scores = given[0]
    values = torch.tensor([0.7, -1.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: info_nce(scores, temperature=v[0]), values)
    assert torch.autograd.gradcheck(lambda v: sigmoid_loss(scores, scale=v[0], bias=v[1]), values)


def test_no_gradient_flows_to_the_teacher(given):
    scores, teacher, *_ = given
    scores.requires_grad_()
    teacher.requires_grad_()
    for loss in (kl_divergence, score_matrix, margin_mse):
        (gradient,) = torch.autograd.grad(
            loss(scores, teacher).sum() + 0 * teacher.sum(), teacher, allow_unused=True
        )
        assert gradient.abs().max() == 0


def test_false_negatives(given):
    _, teacher, positives, _ = given
    found = false_negatives(teacher, positives, share=0.8)
    for i in range(4):
        best = max(teacher[i, j].item() for j in range(6) if positives[i, j])
        for j in range(6):
            assert found[i, j] == (not positives[i, j] and teacher[i, j].item() > 0.8 * best)
    assert found.any()


def test_easy_negatives(given):
    scores, _, positives, _ = given
    easy = easy_negatives(scores, positives, hardest=2)
    for i in range(4):
        negatives = sorted(
            (j for j in range(6) if not positives[i, j]), key=lambda j: -scores[i, j]
        )
        assert easy[i].nonzero().flatten().tolist() == sorted(negatives[2:])


def test_one_item_and_its_captions_in_several_languages():
    """1-to-K: each image picks its K captions with soft labels 1/K, each caption its image."""
    items, languages = 3, 2
    scores = torch.rand(items, items * languages, dtype=torch.float64)
    of = torch.arange(items * languages) // languages
    images = sum(
        -math.log(softmax(scores[i])[j]) / languages
        for i in range(items)
        for j in range(items * languages)
        if of[j] == i
    )
    captions = sum(-math.log(softmax(scores[:, j])[of[j]]) for j in range(items * languages))
    expected = (images / items + captions / (items * languages)) / 2
    found = info_nce(scores, same_item(torch.arange(items), of))
    assert found.item() == pytest.approx(float(expected))


def test_all_pairs_of_modalities_at_once():
    """Each vector picks those of its item in other modalities among all vectors but itself."""
    items, modalities = 3, 3
    of = torch.arange(items).repeat(modalities)
    scores = torch.rand(len(of), len(of), dtype=torch.float64)
    itself = torch.eye(len(of), dtype=torch.bool)
    total = 0.0
    for i in range(len(of)):
        others = [j for j in range(len(of)) if j != i]
        summed = sum(math.exp(scores[i, j]) for j in others)
        own = [j for j in others if of[j] == of[i]]
        total += sum(-math.log(math.exp(scores[i, j]) / summed) for j in own) / len(own)
    found = info_nce(scores, same_item(of, of) & ~itself, itself, directions="queries")
    assert found.item() == pytest.approx(total / len(of))


def test_what_a_name_stands_for(given):
    scores, teacher, positives, ignored = given
    loss = score_loss("kl_divergence", temperature=0.4)
    expected = kl_divergence(scores, teacher, ignored, temperature=0.4)
    assert loss(scores, teacher, positives, ignored) == expected
    assert loss.needs_teacher
    assert not score_loss("info_nce", temperature=2.0).needs_teacher
    with pytest.raises(InputError, match="has no teacher's scores"):
        loss(scores)
    with pytest.raises(
        InputError, match="there is no loss on scores 'kl'; expected one of any_positive_nce"
    ):
        score_loss("kl")
    with pytest.raises(
        InputError, match="no option 'bias'; expected some of directions, teacher_temp"
    ):
        score_loss("kl_divergence", bias=1)


def test_bad_input(given):
    scores, teacher, positives, _ = given
    with pytest.raises(InputError, match="directions is 'up'"):
        info_nce(scores, directions="up")
    with pytest.raises(InputError, match="positives has none"):
        info_nce(scores, torch.zeros_like(positives))
    with pytest.raises(InputError, match="6 queries and 4 documents"):
        info_nce(scores.T)
    with pytest.raises(InputError, match="by is 'luck'"):
        weighted_info_nce(scores, teacher, by="luck")
    with pytest.raises(InputError, match="both a positive and a negative"):
        margin_mse(scores[:1, :1], teacher[:1, :1])
    with pytest.raises(InputError, match="hardest is 0"):
        easy_negatives(scores, hardest=0)
