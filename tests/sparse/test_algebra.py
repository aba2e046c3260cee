"""Composed queries against their definitions on dense arrays."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from rarefy.errors import InputError
from rarefy.index import Index
from rarefy.sparse.algebra import both, either, refined, without


@pytest.fixture
def rows():
    random = np.random.default_rng(0)

    def made(n=5, v=12):
        dense = random.random((n, v)).astype(np.float32) * (random.random((n, v)) < 0.4)
        dense[0] = 0  # nothing is asked for
        return sparse.csr_array(dense)

    return made


def at_unit_length(matrix):
    dense = matrix.toarray()
    lengths = np.linalg.norm(dense, axis=1, keepdims=True)
    return dense / np.where(lengths == 0, 1, lengths)


def check(found, expected):
    assert found.dtype == np.float32
    assert found.has_sorted_indices
    assert (found.data > 0).all()
    np.testing.assert_allclose(found.toarray(), expected, atol=1e-6)


def test_against_dense_arrays(rows):
    a, b, c = rows(), rows(), rows()
    before = a.toarray()
    u, v, w = map(at_unit_length, (a, b, c))
    check(both(a, b), u + v)
    check(both(a, b, c, weights=[0.5, 2, 1]), 0.5 * u + 2 * v + w)
    check(either(a, b, c), np.maximum(np.maximum(u, v), w))
    check(without(a, b), np.maximum(u - v, 0))
    check(without(a, b, strength=100), np.where(v > 0, 0, u))
    np.testing.assert_array_equal(a.toarray(), before)


def test_what_they_find():
    """Documents: 0 is red, 1 a car, 2 a red car, 3 a red house."""
    documents = sparse.csr_array(
        np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [1, 0, 1]], dtype=np.float32)
    )
    index = Index.build(documents)
    red, car, house = (sparse.csr_array(np.eye(3, dtype=np.float32)[[i]]) for i in range(3))
    assert index.search(both(red, car), k=1).rows.tolist() == [[2]]
    assert index.search(either(car, house), k=4).rows.tolist() == [[1, 2, 3, -1]]
    assert index.search(without(both(red, car), car), k=4).scores[0, 0] > 0
    assert index.search(without(both(red, car), car, strength=5), k=1).rows.tolist() == [[0]]


@pytest.mark.parametrize("terms", [None, 3])
def test_refined_by_what_was_found(rows, terms):
    queries, documents = rows(), rows(v=12)
    found = np.array([[0, 1], [2, -1], [-1, -1], [4, 0], [3, 3]])
    moved = refined(queries, documents, found, weight=0.7, terms=terms).toarray()
    unit = at_unit_length(documents)
    for i, own in enumerate(at_unit_length(queries)):
        expected = own.copy()
        centre = sum((unit[j] for j in found[i] if j >= 0), np.zeros(12))
        if centre.any():
            expected = expected + 0.7 * centre / np.linalg.norm(centre)
        if terms:
            expected[np.argsort(-expected, kind="stable")[terms:]] = 0
        np.testing.assert_allclose(moved[i], expected, rtol=1e-5, atol=1e-6)


def test_feedback_finds_what_shares_no_term():
    cat = [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]]  # the second shares nothing with the query
    documents = sparse.csr_array(np.array(cat, dtype=np.float32))
    query = sparse.csr_array(np.array([[1, 0, 0, 0]], dtype=np.float32))
    index = Index.build(documents)
    hits = index.search(query, k=2)
    assert hits.rows.tolist() == [[0, -1]]
    assert index.search(refined(query, documents, hits.rows), k=3).rows.tolist() == [[0, 1, -1]]


def test_bad_input(rows):
    a, b = rows(), rows(v=13)
    with pytest.raises(InputError, match=r"shapes \(5, 12\), \(5, 13\)"):
        both(a, b)
    with pytest.raises(InputError, match="shapes none"):
        either()
    for weights in ([1], [1, -1], [1, float("nan")]):
        with pytest.raises(InputError, match="expected 2 numbers above 0"):
            both(a, a, weights=weights)
    with pytest.raises(InputError, match="strength is 0"):
        without(a, a, strength=0)
    none = np.zeros((5, 1), dtype=int)
    with pytest.raises(InputError, match="weight is 0 and terms None"):
        refined(a, a, none, weight=0)
    with pytest.raises(InputError, match=r"shapes \(5, 12\), \(5, 13\)"):
        refined(a, b, none)
    with pytest.raises(InputError, match=r"the shape \(5, 1\), up to 5"):
        refined(a, a, none + 5)
