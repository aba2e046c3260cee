"""Exact search on vectors made to break bounds, rounding, block maxima and counters."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from rarefy.index import Index
from rarefy.index.build import build
from rarefy.index.leaves import Leaf
from rarefy.index.planner import EXACT
from rarefy.index.searcher import Searcher
from rarefy.index.vectors import canonical

pytestmark = pytest.mark.jit

COLUMNS = 60
WEIGHTS = {
    "equal weights": lambda rng, n: np.full(n, 0.7),
    "ties everywhere": lambda rng, n: rng.choice([1.0, 2.0], n),
    "a range of a million": lambda rng, n: 10 ** rng.uniform(-3, 3, n),
    "a few giants": lambda rng, n: np.where(rng.random(n) < 0.02, 1e6, 1.0),
    "neighbours in float32": lambda rng, n: (
        np.nextafter(np.float32(1), np.float32(2), dtype=np.float32) ** rng.integers(0, 4, n)
    ),
}
FORMS = {
    "as they are": lambda rng, m: m,
    "one term": lambda rng, m: m[:, [0]] @ sp.csr_array(np.eye(1, COLUMNS)),
    "duplicates": lambda rng, m: m[rng.integers(0, min(3, m.shape[0]), m.shape[0])],
    "mostly empty": lambda rng, m: sp.diags_array((rng.random(m.shape[0]) < 0.1) * 1.0) @ m,
    "all empty": lambda rng, m: 0 * m,
}


def collection(rng, rows, weights, form):
    matrix = sp.random_array((rows, COLUMNS), density=0.2, rng=rng, format="csr")
    matrix.data = np.asarray(WEIGHTS[weights](rng, matrix.nnz), np.float64)
    matrix = sp.csr_array(FORMS[form](rng, matrix)).astype(np.float32)
    matrix.eliminate_zeros()
    return matrix


def check(naive, documents, queries, k, allowed=None):
    """Rows, their order and scores are the oracle's among the allowed documents."""
    hits = Index.build(documents).search(queries, k=k, filter=allowed)
    rows = np.arange(documents.shape[0]) if allowed is None else np.flatnonzero(allowed)
    for i, best in enumerate(naive.search(queries, documents[rows], k)):
        found = hits.rows[i][hits.rows[i] >= 0]
        assert found.tolist() == [int(rows[row]) for row, _ in best]
        scores = [score for _, score in best]
        np.testing.assert_allclose(hits.scores[i, : len(best)], scores, rtol=1e-5)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 300),
    of_documents=st.sampled_from(sorted(WEIGHTS)),
    of_queries=st.sampled_from(["equal weights", "ties everywhere", "a range of a million"]),
    form=st.sampled_from(sorted(FORMS)),
    k=st.sampled_from([1, 10, 100, 1000]),
    share=st.sampled_from([None, 0.0, 0.02, 0.5, 1.0]),
)
def test_adversarial_vectors(naive, seed, rows, of_documents, of_queries, form, k, share):
    rng = np.random.default_rng(seed)
    documents = collection(rng, rows, of_documents, form)
    queries = collection(rng, 3, of_queries, "as they are")
    allowed = None if share is None else rng.random(rows) < share
    check(naive, documents, queries, k, allowed)


@pytest.mark.parametrize("weights", sorted(WEIGHTS))
def test_a_term_of_70_000_postings(weights):
    """Beside a rare one, so that the list outgrows 16 bits and the best are few."""
    rng = np.random.default_rng(1)
    dense = np.zeros((70_000, 2), np.float32)
    dense[:, 0] = WEIGHTS[weights](rng, 70_000)
    dense[::7001, 1] = 1
    query = np.array([1, 3], np.float32)
    score = (dense.astype(np.float64) @ query).astype(np.float32)
    index = Index.build(sp.csr_array(dense))
    for k in (1, 10, 1000):
        hits = index.search(sp.csr_array(query[None]), k=k)
        assert hits.rows[0].tolist() == np.argsort(-score, kind="stable")[:k].tolist()


@pytest.mark.parametrize("terms", [301, 1000, 66_000])
@pytest.mark.parametrize("weights", ["equal weights", "a range of a million"])
def test_long_queries(weights, terms):
    """More terms than a block's sum has room for in 16 bits; more than 16 bits can count."""
    rng = np.random.default_rng(terms)
    per_row = min(terms, 500)
    columns = np.sort(
        np.concatenate([rng.permutation(terms)[:per_row][None] for _ in range(400)]), axis=1
    )
    values = WEIGHTS[weights](rng, columns.size)
    documents = sp.csr_array(
        (values, columns.ravel(), np.arange(401) * per_row), shape=(400, terms)
    ).astype(np.float32)
    query = sp.csr_array(WEIGHTS[weights](rng, terms)[None].astype(np.float32))
    exact = (documents.astype(np.float64) @ query.astype(np.float64).T).toarray().ravel()
    exact = exact.astype(np.float32)
    hits = Index.build(documents).search(query, k=100)
    assert hits.rows[0].tolist() == np.argsort(-exact, kind="stable")[:100].tolist()
    np.testing.assert_allclose(hits.scores[0], exact[hits.rows[0]], rtol=1e-5)


@pytest.mark.parametrize("block_size", [1, 2, 4])
@pytest.mark.parametrize("n", [1, 14, 300])
def test_padding_is_not_looked_at_where_nothing_is_bounded(searched, naive, block_size, n):
    rng = np.random.default_rng(n)
    documents = sp.csr_array((rng.random((n, 400)) < 0.05).astype(np.float32))
    query = sp.csr_array(np.ones((1, 400), np.float32))
    searcher = Searcher([Leaf.of(build(canonical(documents), block_size), block_size)])
    rows, _ = searched(searcher, canonical(query), 10, EXACT)
    expected = [row for row, _ in naive.search(query, documents, 10)[0]]
    assert rows[0][: len(expected)].tolist() == expected


@pytest.mark.parametrize("block_size", [1, 2, 4])
def test_denormal_scores_tie_by_row(searched, block_size):
    weights = np.array([0.6] + [1.4] * 39) * 2.0**-149 / 1e-22
    documents = sp.csr_array(weights.astype(np.float32)[:, None])
    query = sp.csr_array(np.array([[1e-22]], np.float32))
    searcher = Searcher([Leaf.of(build(canonical(documents), block_size), block_size)])
    rows, _ = searched(searcher, canonical(query), 1, EXACT)
    assert rows.tolist() == [[0]]
