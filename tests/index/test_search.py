"""Exact search equals the naive oracle."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from rarefy.eval.interchange import align, read_vectors
from rarefy.index import Index
from rarefy.index import build as build_module
from rarefy.index.build import build
from rarefy.index.leaves import Leaf
from rarefy.index.planner import EXACT
from rarefy.index.searcher import Searcher
from rarefy.index.vectors import canonical

WEIGHTS = st.sampled_from([0.5, 1.0, 1.0, 2.0, 1e-6, 1e6, 3.3333333])


@st.composite
def matrices(draw, rows, columns):
    """Small sparse matrices: few distinct weights, so that ties are everywhere."""
    entries = draw(
        st.lists(
            st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1), WEIGHTS),
            max_size=4 * rows,
        )
    )
    dense = np.zeros((rows, columns), np.float32)
    for row, column, weight in entries:
        dense[row, column] = weight
    return sp.csr_array(dense)


def random_matrix(seed, rows, columns, density, *, ties=False):
    rng = np.random.default_rng(seed)
    matrix = sp.random_array((rows, columns), density=density, rng=rng, format="csr")
    matrix.data = rng.choice([1.0, 2.0], matrix.nnz) if ties else rng.lognormal(size=matrix.nnz)
    return matrix.astype(np.float32)


def check(naive, documents, queries, k):
    """The index's hits are the oracle's: rows, order, scores and padding."""
    hits = Index.build(documents).search(queries, k=k)
    assert hits.rows.shape == hits.scores.shape == hits.ids.shape == (queries.shape[0], k)
    assert hits.rows.dtype == np.int64
    assert hits.scores.dtype == np.float32
    for i, expected in enumerate(naive.search(queries, documents, k)):
        found = len(expected)
        assert hits.rows[i, :found].tolist() == [row for row, _ in expected]
        np.testing.assert_allclose(
            hits.scores[i, :found], [score for _, score in expected], rtol=1e-6
        )
        assert (hits.rows[i, found:] == -1).all()
        assert (hits.scores[i, found:] == -np.inf).all()
        assert hits.ids[i].tolist() == [str(row) for row, _ in expected] + [None] * (k - found)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_small_collections_equal_the_oracle(naive, data):
    columns = data.draw(st.integers(1, 12))
    documents = data.draw(matrices(data.draw(st.integers(1, 40)), columns))
    queries = data.draw(matrices(data.draw(st.integers(1, 3)), columns))
    check(naive, documents, queries, data.draw(st.sampled_from([1, 2, 10, 100])))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("k", [1, 10, 100, 1000])
@pytest.mark.parametrize("rows", [63, 64, 65, 700])
def test_random_collections_equal_the_oracle(naive, rows, k, ties):
    documents = random_matrix(rows, rows, 300, 0.08, ties=ties)
    queries = random_matrix(k, 20, 300, 0.05, ties=ties)
    check(naive, documents, queries, k)


EDGES = {
    "no document": (sp.csr_array((0, 5), dtype=np.float32), sp.csr_array([[1.0, 0, 0, 0, 0]])),
    "one document": (sp.csr_array([[0, 2.0, 0]]), sp.csr_array([[0, 3.0, 0]])),
    "no query": (sp.csr_array([[1.0]]), sp.csr_array((0, 1), dtype=np.float32)),
    "empty query": (sp.csr_array([[1.0, 2.0]]), sp.csr_array((1, 2), dtype=np.float32)),
    "unknown term": (sp.csr_array([[1.0, 0.0]]), sp.csr_array([[0.0, 1.0]])),
    "empty documents between": (
        sp.csr_array([[0.0, 0], [1, 1], [0, 0], [2, 0]]),
        sp.csr_array([[1.0, 1.0]]),
    ),
    "all equal": (sp.csr_array(np.ones((300, 3))), sp.csr_array([[1.0, 1.0, 1.0]])),
    "one column": (sp.csr_array(np.arange(1.0, 301)[:, None]), sp.csr_array([[1.0]])),
    "duplicates": (
        sp.csr_array(np.tile([[0.3, 0, 7.0]], (200, 1))),
        sp.csr_array([[0.1, 0.2, 0.7]]),
    ),
    "tiny and huge weights": (
        sp.csr_array([[1e-30, 1e30], [1e-30, 0], [0, 1e-38], [1e30, 1e-30]]),
        sp.csr_array([[1e-30, 1e-8], [1e8, 1e-30], [1e-38, 0]]),
    ),
    "scores beyond float32": (
        sp.csr_array([[3e38], [1e38], [2e38], [1e-3]]),
        sp.csr_array([[3e38]]),
    ),
    "scores that vanish in float32": (
        sp.csr_array([[1e-38, 0], [1e-30, 0], [0, 1.0]]),
        sp.csr_array([[1e-38, 0]]),
    ),
    "integers": (sp.csr_array([[1, 200], [3, 4]]), sp.csr_array([[2, 1]])),
}


@pytest.mark.parametrize("k", [1, 3, 1000])
@pytest.mark.parametrize("edge", EDGES)
def test_edges_equal_the_oracle(naive, edge, k):
    documents, queries = EDGES[edge]
    check(naive, documents, queries, k)


@pytest.mark.jit
def test_posting_lists_longer_than_16_bits(naive):
    rng = np.random.default_rng(1)
    documents = sp.csr_array(rng.integers(1, 4, (70_000, 1)).astype(np.float32))
    hits = Index.build(documents).search(sp.csr_array([[1.0]]), k=30_000)
    order = np.lexsort((np.arange(70_000), -documents.toarray()[:, 0]))[:30_000]
    assert (hits.rows[0] == order).all()


def test_queries_whose_bounds_overflow_16_bits_stay_exact(naive):
    documents = random_matrix(5, 400, 3000, 0.3)
    queries = sp.csr_array(np.ones((1, 3000), np.float32))
    check(naive, documents, queries, 10)


def test_many_small_contributions_outweigh_a_large_one():
    """Each of 200 contributions is below one unit of the 16-bit sums, their total is the best."""
    peaks = sp.csr_array(sp.eye_array(200, format="csr", dtype=np.float32))
    many = sp.csr_array(np.full((1, 200), 1 / 255, np.float32))
    documents = sp.vstack([peaks[:1], peaks * 0.5, many]).tocsr()
    # One document a term sets the terms' scales, but is longer than the query.
    scales = sp.hstack([peaks, sp.csr_array((200, 1))]).tocsr()
    documents = sp.vstack([sp.hstack([documents, sp.csr_array((202, 1))]), scales]).tocsr()
    query = sp.csr_array(np.append(np.ones(200), 0)[None].astype(np.float32))
    allowed = np.arange(402) < 202
    hits = Index.build(documents).search(query, k=2, filter=allowed)
    assert hits.rows[0].tolist() == [0, 201]


@pytest.mark.parametrize("share", [0.0, 0.2, 2.0])
@pytest.mark.parametrize("block_size", [1, 2, 3, 8])
def test_every_layout_gives_the_same_hits(searched, monkeypatch, naive, block_size, share):
    monkeypatch.setattr(build_module, "DENSE_SHARE", share)
    documents, queries = random_matrix(2, 333, 80, 0.1), random_matrix(3, 10, 80, 0.1)
    vectors = canonical(documents)
    searcher = Searcher([Leaf.of(build(vectors, block_size), block_size)])
    rows, _ = searched(searcher, canonical(queries), 10, EXACT)
    expected = [[row for row, _ in best] for best in naive.search(queries, documents, 10)]
    assert [[row for row in found if row >= 0] for found in rows.tolist()] == expected


@pytest.mark.jit
def test_more_blocks_than_one_window_holds(searched):
    rng = np.random.default_rng(4)
    n = 65_536 + 300
    columns = rng.integers(0, 50, n)
    documents = sp.csr_array((rng.random(n, np.float32) + 0.1, (np.arange(n), columns)))
    vectors = canonical(documents)
    searcher = Searcher([Leaf.of(build(vectors, 1), 1)])
    query = sp.csr_array(rng.random((1, 50), np.float32))
    rows, _ = searched(searcher, canonical(query), 500, EXACT)
    score = np.asarray((documents @ query.T).todense()).ravel()
    assert (rows[0] == np.lexsort((np.arange(n), -score))[:500]).all()


def test_permuting_documents_permutes_results():
    documents, queries = random_matrix(6, 500, 100, 0.1), random_matrix(7, 5, 100, 0.1)
    order = np.random.default_rng(8).permutation(500)
    hits = Index.build(documents).search(queries)
    permuted = Index.build(documents[order]).search(queries)
    assert (order[permuted.rows] == hits.rows).all()
    assert (permuted.scores == hits.scores).all()


def test_a_column_of_zeros_changes_nothing():
    documents, queries = random_matrix(9, 100, 40, 0.2), random_matrix(10, 5, 40, 0.2)
    wider = (
        sp.hstack([documents, sp.csr_array((100, 3))]),
        sp.hstack([queries, sp.csr_array(np.ones((5, 3)))]),
    )
    narrow, wide = Index.build(documents).search(queries), Index.build(wider[0]).search(wider[1])
    assert (narrow.rows == wide.rows).all()


def test_a_vocabulary_of_32_bits():
    columns = np.array([0, 2**31, 2**32 - 2], np.int64)
    documents = sp.csr_array(
        (np.array([1.0, 2.0, 3.0]), columns, np.array([0, 1, 2, 3])), shape=(3, 2**32 - 1)
    )
    index = Index.build(documents)
    assert index.search(documents, k=1).rows.ravel().tolist() == [0, 1, 2]
    assert index.nbytes < 10_000


@pytest.mark.jit
def test_more_terms_than_16_bits(naive):
    documents = sp.csr_array(sp.eye_array(70_000, format="csr", dtype=np.float32))
    hits = Index.build(documents).search(documents[69_000:69_003], k=2)
    assert hits.rows.tolist() == [[69_000, -1], [69_001, -1], [69_002, -1]]


@pytest.mark.jit
def test_one_index_serves_several_threads():
    documents, queries = random_matrix(11, 3000, 500, 0.05), random_matrix(12, 40, 500, 0.05)
    index = Index.build(documents)
    expected = index.search(queries)
    wrong = []

    def hammer():
        for _ in range(20):
            hits = index.search(queries)
            if not (hits.rows == expected.rows).all():
                wrong.append(hits)

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.data
@pytest.mark.parametrize("k", [1, 10, 100, 1000])
def test_nfcorpus_splade_v3_equals_the_oracle(data, k):
    folder = data / "nfcorpus"
    documents, queries = align(
        read_vectors(folder / "splade-v3.docs.jsonl.gz"),
        read_vectors(folder / "splade-v3.queries.jsonl.gz"),
    )
    hits = Index.build(documents.matrix, ids=documents.ids).search(queries.matrix, k=k)
    exact = (queries.matrix.astype(np.float64) @ documents.matrix.astype(np.float64).T).toarray()
    assert len(exact) == 323
    for i, score in enumerate(exact):
        order = np.lexsort((np.arange(len(score)), -score))[:k]
        order = order[score[order] > 0]
        assert hits.rows[i][hits.rows[i] >= 0].tolist() == order.tolist()
        np.testing.assert_allclose(hits.scores[i, : len(order)], score[order], rtol=1e-5)
