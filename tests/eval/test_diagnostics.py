"""Each diagnostic against an obvious version."""

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from rarefy.errors import InputError
from rarefy.eval.diagnostics import (
    co_activation,
    dead_terms,
    document_frequencies,
    kendall_tau,
    own_terms,
    separability,
)


@pytest.fixture
def vectors():
    matrix = random_array((13, 30), density=0.15, rng=np.random.default_rng(0)).toarray()
    matrix[4] = 0
    matrix[:, 7] = 0
    return csr_array(matrix)


def terms_of(vectors):
    return [set(np.flatnonzero(row).tolist()) for row in vectors.toarray()]


def test_document_frequencies(vectors):
    sets = terms_of(vectors)
    expected = sorted((sum(term in own for own in sets) / 13 for term in range(30)), reverse=True)
    assert document_frequencies(vectors).tolist() == pytest.approx(expected)
    assert document_frequencies(csr_array((0, 3))).tolist() == [0, 0, 0]


def test_dead_terms(vectors):
    used = set().union(*terms_of(vectors))
    assert dead_terms(vectors) == 30 - len(used) > 0
    assert dead_terms(vectors, [7, min(used)]) == 1
    assert dead_terms(vectors, []) == 0


def test_co_activation(vectors):
    sets = [own for own in terms_of(vectors) if own]
    expected = np.mean([len(one & other) / len(one) for one, other in permutations(sets, 2)])
    assert co_activation(vectors) == pytest.approx(expected)
    assert co_activation(csr_array(np.ones((3, 4)))) == 1
    assert co_activation(csr_array(np.eye(3))) == 0
    with pytest.raises(InputError, match="1 vectors have terms"):
        co_activation(csr_array([[1, 0], [0, 0]]))


@pytest.mark.parametrize("k", [1, 3, 20])
def test_own_terms(vectors, k):
    own = csr_array(random_array((13, 30), density=0.2, rng=np.random.default_rng(1)))
    recalls, precisions = [], []
    for row, texts in zip(vectors.toarray(), terms_of(own), strict=True):
        has = sorted((-weight, term) for term, weight in enumerate(row) if weight)
        heaviest = [term for _, term in has[:k]]
        precisions.append(sum(t in texts for t in heaviest) / len(heaviest) if heaviest else 0)
        if texts:
            recalls.append(sum((-row[t], t) in has for t in texts) / len(texts))
    found = own_terms(vectors, own, k=k)
    assert found == pytest.approx((np.mean(recalls), np.mean(precisions)))
    assert 0 < found.precision < 1


def test_own_terms_of_bad_input(vectors):
    with pytest.raises(InputError, match=r"shape \(13, 30\) and own \(13, 29\)"):
        own_terms(vectors, vectors[:, :29])
    with pytest.raises(InputError, match="k is 0"):
        own_terms(vectors, vectors, k=0)


def tau_b(one, other):
    signs = [
        (np.sign(one[i] - one[j]), np.sign(other[i] - other[j]))
        for i, j in combinations(range(len(one)), 2)
    ]
    untied = [sum(s[side] != 0 for s in signs) for side in (0, 1)]
    return sum(a * b for a, b in signs) / np.sqrt(untied[0] * untied[1]) if all(untied) else 0


@pytest.mark.parametrize("k", [2, 5, 100])
def test_kendall_tau(k):
    random = np.random.default_rng(0)
    scores, reference = random.integers(0, 5, size=(2, 6, 12)).astype(float)
    scores[3] = 1
    expected = []
    for own, other in zip(scores, reference, strict=True):
        best = sorted(range(12), key=lambda row: (-other[row], row))[:k]
        expected.append(tau_b(own[best], other[best]))
    assert kendall_tau(scores, reference, k=k) == pytest.approx(np.mean(expected))


def test_kendall_tau_of_the_same_and_the_reverse():
    scores = np.random.default_rng(0).normal(size=(3, 9))
    assert kendall_tau(2 * scores + 1, scores) == pytest.approx(1)
    assert kendall_tau(-scores, scores) == pytest.approx(-1)
    with pytest.raises(InputError, match="expected at least 2"):
        kendall_tau(scores, scores, k=1)
    with pytest.raises(InputError, match="expected the same"):
        kendall_tau(scores, scores[:, :8])


@pytest.mark.parametrize("k", [1, 4, 100])
def test_separability(k):
    random = np.random.default_rng(0)
    scores, dense = random.integers(0, 6, size=(2, 5, 10)).astype(float)
    relevant = {0: [1, 2], 2: [9], 3: [0, 5, 6], 4: []}
    counts = {(a, b): 0 for a in (False, True) for b in (False, True)}
    for query, good in relevant.items():
        best = sorted(range(10), key=lambda row: (-dense[query, row], row))[:k]
        for one in good:
            for other in set(best) - set(good):
                right = dense[query, one] > dense[query, other]
                counts[bool(right), bool(scores[query, one] > scores[query, other])] += 1
    found = separability(scores, dense, relevant, k=k)
    assert found.confused == counts[False, True] + counts[False, False]
    assert found.ordered == counts[True, True] + counts[True, False]
    assert found.confused * found.separated == pytest.approx(counts[False, True])
    if found.ordered:
        assert found.ordered * found.broken == pytest.approx(counts[True, False])


def test_separability_without_pairs():
    found = separability(np.ones((1, 2)), np.ones((1, 2)), {})
    assert (found.confused, found.ordered) == (0, 0)
    assert np.isnan(found.separated)
    assert np.isnan(found.broken)
