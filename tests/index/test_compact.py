"""A compact index searches exactly over weights that are rounded to 8 bits."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from rarefy.index import Index


def vectors(seed, rows, columns=60, density=0.3):
    rng = np.random.default_rng(seed)
    matrix = sp.random_array((rows, columns), density=density, rng=rng, dtype=np.float32)
    matrix.data = rng.lognormal(0, 1, matrix.nnz).astype(np.float32)
    matrix = matrix.tocsr()
    matrix.sort_indices()
    return matrix


def rounded(documents):
    """Each weight to the nearest of 255 steps up to the largest of its column."""
    matrix = documents.copy().tocsr()
    largest = documents.max(axis=0).toarray().ravel().astype(np.float64)
    step = largest[matrix.indices] / 255
    codes = np.clip(np.floor(matrix.data / step + 0.5), 1, 255)
    matrix.data = (codes * step).astype(np.float32)
    return matrix


@pytest.mark.parametrize("rows", [1, 2, 300])
@pytest.mark.parametrize("k", [1, 10, 100, 1000])
def test_hits_are_those_of_the_rounded_weights(naive, rows, k):
    documents, queries = vectors(1, rows), vectors(2, 12)
    hits = Index.build(documents, compact=True).search(queries, k=k)
    for i, best in enumerate(naive.search(queries, rounded(documents), k)):
        assert hits.rows[i][: len(best)].tolist() == [row for row, _ in best]
        assert hits.scores[i][: len(best)] == pytest.approx([score for _, score in best], rel=1e-6)
        assert (hits.rows[i][len(best) :] == -1).all()


@pytest.mark.jit
def test_lists_that_span_windows_are_searched():
    n = 140_000
    frequent = sp.csr_array(np.ones((n, 1), np.float32))
    rare = sp.csr_array(
        (
            np.arange(1, 8, dtype=np.float32),
            ([0, 5, 65_535, 65_536, 70_000, 131_072, n - 1], [0] * 7),
        ),
        shape=(n, 1),
    )
    index = Index.build(sp.hstack([frequent, rare], format="csr"), compact=True)
    hits = index.search(sp.csr_array(np.array([[0.5, 1.0]], np.float32)), k=8)
    assert hits.rows[0].tolist() == [n - 1, 131_072, 70_000, 65_536, 65_535, 5, 0, 1]


def test_filters_and_recall(naive):
    documents, queries = vectors(3, 200), vectors(4, 5)
    index = Index.build(documents, compact=True)
    mask = np.arange(200) % 3 == 0
    hits = index.search(queries, k=5, filter=mask, recall=0.9)
    for i, best in enumerate(naive.search(queries, rounded(documents), 200)):
        assert hits.rows[i].tolist() == [row for row, _ in best if mask[row]][:5]


def test_an_explanation_adds_up_to_the_score():
    documents, queries = vectors(5, 50), vectors(6, 1)
    index = Index.build(documents, compact=True)
    hits = index.search(queries, k=50)
    for name, score in zip(hits.ids[0], hits.scores[0], strict=True):
        if name is not None:
            parts = index.explain(queries, id=name)
            assert sum(part for _, part in parts) == pytest.approx(score, rel=1e-6)


def test_it_is_smaller_and_survives_a_round_trip(tmp_path):
    documents, queries = vectors(7, 3000, columns=300, density=0.05), vectors(8, 5, columns=300)
    index = Index.build(documents, compact=True)
    assert index.nbytes < 0.6 * Index.build(documents).nbytes
    assert "45000 postings" in repr(index)
    index.save(tmp_path / "index")
    opened = Index.open(tmp_path / "index")
    assert (opened.search(queries).rows == index.search(queries).rows).all()
    Index.verify(tmp_path / "index")


def test_an_empty_one_finds_nothing():
    index = Index.build(sp.csr_array((0, 5), dtype=np.float32), compact=True)
    assert (index.search(sp.csr_array(np.ones((1, 5), np.float32))).rows == -1).all()
