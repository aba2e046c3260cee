"""Diagnostics of spaces, each against its formula written out."""

from itertools import combinations

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from rarefy.errors import InputError
from rarefy.eval.diagnostics import (
    alignment,
    confusion_report,
    first_ranks,
    linear_cka,
    mean_rank_variance,
    modality_gap,
    mutual_neighbours,
    over_used_terms,
    space,
    uniformity,
)


@pytest.fixture(params=["one block", "several blocks"])
def sets(request, monkeypatch):
    """Two dense and one sparse set of 17 vectors."""
    if request.param == "several blocks":
        monkeypatch.setattr(space, "_BLOCK", 5)
    random = np.random.default_rng(0)
    one, other = random.normal(size=(2, 17, 6))
    sparse = random_array((17, 40), density=0.3, rng=random).toarray()
    return one, other + 1, csr_array(sparse)


def unit(vectors):
    dense = vectors.toarray() if hasattr(vectors, "toarray") else vectors
    return [vector / np.sqrt(sum(x * x for x in vector)) for vector in dense]


def test_alignment(sets):
    one, other, sparse = sets
    expected = np.mean([np.sum((x - y) ** 2) for x, y in zip(unit(one), unit(other), strict=True)])
    assert alignment(one, other) == pytest.approx(expected)
    moved = csr_array(np.roll(sparse.toarray(), 1, axis=0))
    expected = np.mean(
        [np.sum((x - y) ** 2) for x, y in zip(unit(sparse), unit(moved), strict=True)]
    )
    assert alignment(sparse, moved) == pytest.approx(expected)
    assert alignment(one, 3 * one) == pytest.approx(0, abs=1e-12)
    assert alignment(one, -one) == pytest.approx(4)


@pytest.mark.parametrize("t", [2.0, 0.5])
def test_uniformity(sets, t):
    for rows in (sets[0], sets[2]):
        pairs = list(combinations(unit(rows), 2))
        expected = np.log(np.mean([np.exp(-t * np.sum((x - y) ** 2)) for x, y in pairs]))
        assert uniformity(rows, t=t) == pytest.approx(expected)
    assert uniformity(np.ones((3, 2))) == pytest.approx(0, abs=1e-12)


def test_modality_gap(sets):
    one, other, sparse = sets
    for first, second in ((one, other), (sparse, csr_array(sparse.toarray()[:9, ::-1]))):
        a, b = np.mean(unit(first), axis=0), np.mean(unit(second), axis=0)
        right = sum(np.sum((x - a) ** 2) < np.sum((x - b) ** 2) for x in unit(first))
        right += sum(np.sum((x - b) ** 2) < np.sum((x - a) ** 2) for x in unit(second))
        found = modality_gap(first, second)
        assert found.distance == pytest.approx(np.sqrt(np.sum((a - b) ** 2)))
        assert found.separability == right / (first.shape[0] + second.shape[0])
    assert modality_gap(np.eye(2)[:1], -np.eye(2)[:1]) == pytest.approx((2, 1))


def test_linear_cka(sets):
    one, other, sparse = sets
    for first, second in ((one, other), (one, sparse), (sparse, other)):
        x, y = np.array(unit(first)), np.array(unit(second))
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        expected = np.linalg.norm(y.T @ x) ** 2
        expected /= np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
        assert linear_cka(first, second) == pytest.approx(expected)
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))
    assert linear_cka(one, 2 * one @ rotation) == pytest.approx(1)


@pytest.mark.parametrize("k", [1, 4, 16])
def test_mutual_neighbours(sets, k):
    def neighbours(rows, item):
        vectors = unit(rows)
        others = [other for other in range(17) if other != item]
        return set(sorted(others, key=lambda o: -np.dot(vectors[item], vectors[o]))[:k])

    one, other, sparse = sets
    for first, second in ((one, other), (one, sparse)):
        shared = [len(neighbours(first, i) & neighbours(second, i)) for i in range(17)]
        assert mutual_neighbours(first, second, k=k) == pytest.approx(np.mean(shared) / k)
    assert mutual_neighbours(one, 5 * one, k=k) == 1


def share_above(good, bad):
    return np.mean([(g > b) + (g == b) / 2 for g in good for b in bad])


@pytest.mark.parametrize("threshold", [-1.0, 0.2, 0.5])
def test_confusion_report(sets, threshold):
    dense, _, sparse = sets
    labels = [number % 5 for number in range(17)]
    x, y = unit(dense), unit(sparse)
    pairs = list(combinations(range(17), 2))
    confused = [
        (i, j) for i, j in pairs if labels[i] != labels[j] and np.dot(x[i], x[j]) >= threshold
    ]
    alike = [(i, j) for i, j in pairs if labels[i] == labels[j]]
    found = confusion_report(dense, sparse, labels, threshold=threshold)
    assert sorted(map(tuple, found.rows.tolist())) == confused
    assert (np.diff(found.dense) <= 0).all()
    for (i, j), before, after in zip(found.rows, found.dense, found.sparse, strict=True):
        assert before == pytest.approx(np.dot(x[i], x[j]))
        assert after == pytest.approx(np.dot(y[i], y[j]))
    for vectors, share in ((x, found.before), (y, found.after)):
        good, bad = ([np.dot(vectors[i], vectors[j]) for i, j in p] for p in (alike, confused))
        assert share == pytest.approx(share_above(good, bad))


def test_a_head_that_undoes_a_confusion():
    """Two towers put everything on one spot; the sparse vectors keep the labels apart."""
    dense = np.ones((6, 3)) + np.random.default_rng(0).normal(scale=0.01, size=(6, 3))
    labels = ["cat", "dog", "owl"] * 2
    found = confusion_report(dense, csr_array(np.tile(np.eye(3), (2, 1))), labels)
    assert len(found.rows) == 12
    assert found.before < 0.9
    assert found.after == 1
    assert (found.sparse == 0).all()


def test_nothing_to_compare():
    eye = csr_array(np.eye(3))
    found = confusion_report(np.eye(3), eye, "abc")
    assert found.rows.shape == (0, 2)
    assert np.isnan([found.before, found.after]).all()


def test_mean_rank_variance():
    ranks = np.random.default_rng(0).integers(1, 50, size=(7, 4))
    spreads = []
    for row in ranks:
        mean = sum(row) / 4
        spreads.append(sum((rank - mean) ** 2 for rank in row) / 4)
    found = mean_rank_variance(ranks)
    assert found.variance == pytest.approx(sum(spreads) / 7)
    assert found.deviation == pytest.approx(sum(np.sqrt(spread) for spread in spreads) / 7)
    assert mean_rank_variance([[3, 3], [9, 9]]) == (0, 0)


def test_first_ranks():
    run = {"q1": {"a": 3.0, "b": 2.0, "c": 1.0}, "q3": {"a": 1.0, "b": 1.0}}
    qrels = {"q1": {"c": 1, "b": 2, "a": 0}, "q2": {"a": 1}, "q3": {"a": 1}}
    assert first_ranks(run, qrels) == {"q1": 2, "q2": 101, "q3": 2}
    assert first_ranks(run, qrels, depth=1) == {"q1": 2, "q2": 2, "q3": 2}


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_over_used_terms(share):
    matrix = random_array((13, 30), density=0.3, rng=np.random.default_rng(0)).toarray()
    matrix[:, 11] = 1
    counts = [sum(weight != 0 for weight in column) for column in matrix.T]
    expected = [term for term in range(30) if counts[term] / 13 > share]
    expected.sort(key=lambda term: (-counts[term], term))
    assert over_used_terms(csr_array(matrix), share).tolist() == expected
    assert over_used_terms(csr_array((4, 3))).tolist() == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: alignment(np.ones((2, 3)), np.ones((2, 4))), "expected the same shape"),
        (lambda: alignment(np.ones((2, 3)), np.zeros((2, 3))), "have no direction, such as row 0"),
        (lambda: alignment(np.ones((0, 3)), np.ones((0, 3))), "at least one row"),
        (lambda: uniformity(np.ones((1, 3))), "1 vectors and t=2.0"),
        (lambda: uniformity(np.ones((2, 3)), t=0), "t=0"),
        (lambda: uniformity(np.full((2, 3), np.nan)), "have no direction"),
        (lambda: modality_gap(np.ones((2, 3)), np.ones((2, 4))), "expected the same width"),
        (lambda: linear_cka(np.ones((2, 3)), np.eye(3)), "expected the same number of rows"),
        (lambda: linear_cka(np.ones((3, 3)), np.eye(3)), "all vectors of a set are the same"),
        (lambda: mutual_neighbours(np.eye(3), np.eye(3), k=3), "k is 3 with 3 vectors"),
        (lambda: confusion_report(np.eye(3), csr_array(np.eye(3)), "ab"), "2 labels"),
        (lambda: confusion_report(np.eye(2), csr_array(np.eye(2)), "ab", threshold=2), "threshold"),
        (lambda: mean_rank_variance([[1], [2]]), r"shape \(2, 1\)"),
        (lambda: first_ranks({}, {}, depth=0), "depth is 0"),
        (lambda: over_used_terms(csr_array(np.eye(2)), 1), "share is 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_confusions_across_towers(sets):
    dense, _, sparse = sets
    labels = [number % 9 for number in range(17)]
    towers = ["text"] * 9 + ["image"] * 8
    x, y = unit(dense), unit(sparse)
    across = [(i, j) for i, j in combinations(range(17), 2) if towers[i] != towers[j]]
    confused = [(i, j) for i, j in across if labels[i] != labels[j] and np.dot(x[i], x[j]) >= 0.1]
    alike = [(i, j) for i, j in across if labels[i] == labels[j]]
    found = confusion_report(dense, sparse, labels, threshold=0.1, towers=towers)
    assert sorted(map(tuple, found.rows.tolist())) == confused
    for vectors, share in ((x, found.before), (y, found.after)):
        good, bad = ([np.dot(vectors[i], vectors[j]) for i, j in p] for p in (alike, confused))
        assert share == pytest.approx(share_above(good, bad))
    with pytest.raises(InputError, match="16 towers for 17 items"):
        confusion_report(dense, sparse, labels, towers=towers[1:])
