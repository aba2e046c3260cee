"""Items ranked by their best part, against all scores."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from rarefy.errors import InputError, InputTypeError
from rarefy.index import Index, best_parts


def test_the_best_part_of_each_item():
    random = np.random.default_rng(0)
    vectors = csr_array(random_array((66, 30), density=0.3, rng=random, dtype=np.float32))
    queries, parts = vectors[:6], vectors[6:]
    items = [f"item {number}" for number in random.integers(0, 20, 60)]
    found = best_parts(Index.build(parts).search(queries, k=60), items, k=5)
    scores = (queries @ parts.T).toarray()
    for query, row in enumerate(scores):
        best = {}
        for part in np.argsort(-row, kind="stable"):
            if row[part] > 0:
                best.setdefault(items[part], part)
        first = list(best.items())[:5]
        assert found.ids[query].tolist() == [item for item, _ in first]
        assert found.rows[query].tolist() == [part for _, part in first]
        np.testing.assert_allclose(found.scores[query], row[[part for _, part in first]])


def test_fewer_items_than_asked_for():
    hits = Index.build(csr_array(np.eye(3, dtype=np.float32))).search(csr_array([[1, 1, 0.0]]), k=3)
    found = best_parts(hits, ["a", "a", "b"], k=3)
    assert found.ids.tolist() == [["a", None, None]]
    assert found.rows.tolist() == [[0, -1, -1]]
    assert found.scores.tolist() == [[1, -np.inf, -np.inf]]
    with pytest.raises(InputError, match="an item for each row"):
        best_parts(hits, ["a"])
    with pytest.raises(InputError, match="k is 0"):
        best_parts(hits, ["a", "a", "b"], k=0)
    with pytest.raises(InputTypeError, match="k must be an integer, got '3'"):
        best_parts(hits, ["a", "a", "b"], k="3")
