"""Items of several parts, against dense arrays."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from rarefy.errors import InputError
from rarefy.sparse.parts import pooled

ITEMS = ["b", "a", "b", "c", "a", "b"]


@pytest.fixture
def vectors():
    return csr_array(random_array((6, 9), density=0.5, rng=np.random.default_rng(0), dtype="f4"))


@pytest.mark.parametrize("how", ["max", "sum"])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 3.0, 1.0, 0.25]])
def test_against_dense_arrays(vectors, how, weights):
    dense = vectors.toarray() * np.array(weights or [1.0] * 6)[:, None]
    found = pooled(vectors, ITEMS, how=how, weights=weights)
    assert found.items == ["b", "a", "c"]
    for row, item in zip(found.vectors.toarray(), found.items, strict=True):
        parts = dense[[place for place, own in enumerate(ITEMS) if own == item]]
        np.testing.assert_allclose(row, getattr(parts, how)(0), rtol=1e-6)
    assert found.vectors.dtype == np.float32
    assert found.vectors.has_sorted_indices
    assert (found.vectors.data > 0).all()


def test_a_part_without_terms_and_no_parts_at_all(vectors):
    empty = csr_array((1, 9), dtype=np.float32)
    assert pooled(empty, ["x"]).vectors.nnz == 0
    assert pooled(vectors[:0], []).vectors.shape == (0, 9)


def test_bad_input(vectors):
    with pytest.raises(InputError, match="6 vectors, 5 items and 6 weights"):
        pooled(vectors, ITEMS[1:])
    with pytest.raises(InputError, match="weights above 0"):
        pooled(vectors, ITEMS, weights=[0.0] * 6)
    with pytest.raises(InputError, match="how is 'mean'"):
        pooled(vectors, ITEMS, how="mean")


def test_neighbours_as_context(vectors):
    """Each part with those before and after it: rows may be of several items."""
    n = vectors.shape[0]
    around = [(part, item) for item in range(n) for part in (item - 1, item, item + 1)]
    around = [(part, item) for part, item in around if 0 <= part < n]
    parts, items = zip(*around, strict=True)
    weights = [1.0 if part == item else 0.5 for part, item in around]
    found = pooled(vectors[list(parts)], list(items), how="sum", weights=weights)
    dense = vectors.toarray()
    for item in range(n):
        expected = dense[item] + 0.5 * sum(dense[max(item - 1, 0) : item])
        expected = expected + 0.5 * sum(dense[item + 1 : item + 2])
        np.testing.assert_allclose(found.vectors[[item]].toarray()[0], expected, rtol=1e-5)
