"""Approximate search keeps its promise; filters and threads change nothing that they should not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp

from rarefy.errors import InputError, InputTypeError
from rarefy.index import Index, planner
from rarefy.index.planner import Calibration, Plan, plans
from rarefy.index.snapshot import Snapshot

TOPICS, VOCABULARY = 60, 2000


def topical(seed, rows, nnz):
    """Vectors whose terms come from a few topics, as those of texts do."""
    topics = np.random.default_rng(99)
    homes = topics.choice(VOCABULARY, (TOPICS, 150), replace=True)
    popular = 1 / np.arange(1, VOCABULARY + 1)
    rng = np.random.default_rng(seed)
    columns = np.concatenate(
        [
            homes[rng.integers(0, TOPICS, rows)[:, None], rng.integers(0, 150, (rows, nnz // 2))],
            rng.choice(VOCABULARY, (rows, nnz - nnz // 2), p=popular / popular.sum()),
        ],
        axis=1,
    )
    weights = rng.lognormal(0, 0.6, columns.shape).astype(np.float32)
    matrix = sp.csr_array(
        (weights.ravel(), columns.ravel(), np.arange(0, rows * nnz + 1, nnz)),
        shape=(rows, VOCABULARY),
    )
    matrix.sum_duplicates()
    return matrix


@pytest.fixture(scope="module")
def index():
    return Index.build(topical(0, 20_000, 40), calibration_queries=topical(1, 400, 16))


@pytest.fixture(scope="module")
def held_out():
    return topical(2, 400, 16)


def found(hits, exact):
    return np.mean(
        [
            len(set(ours[ours >= 0]) & set(best[best >= 0])) / max(1, (best >= 0).sum())
            for ours, best in zip(hits.rows, exact.rows, strict=True)
        ]
    )


@pytest.mark.jit
@pytest.mark.parametrize("k", [10, 100])
@pytest.mark.parametrize("recall", [0.9, 0.95, 0.99])
def test_the_promise_holds_on_queries_not_seen_in_calibration(index, held_out, recall, k):
    share = found(index.search(held_out, k=k, recall=recall), index.search(held_out, k=k))
    assert share >= recall - 0.01


def test_a_small_collection_can_be_calibrated_too(monkeypatch):
    monkeypatch.setattr(planner, "LEAST_DOCUMENTS", 100)
    documents, queries = topical(7, 500, 20), topical(8, 20, 8)
    index = Index.build(documents, calibration_queries=topical(9, 20, 8))
    exact = index.search(queries)
    assert index._snapshot.parts[0].table
    hits = index.search(queries, recall=0.8, threads=2)
    assert 0.7 <= found(hits, exact) <= 1
    layout = index._snapshot.parts[0].segment.layout
    sampled, rows = planner.sample_queries(layout, VOCABULARY, np.random.default_rng(0))
    assert len(sampled) == len(rows) == planner.SAMPLE
    assert np.diff(sampled.indptr).max() <= planner.SAMPLE_NNZ


@pytest.mark.jit
def test_approximate_search_is_approximate_where_it_may_be(index, held_out):
    assert found(index.search(held_out, recall=0.8), index.search(held_out)) < 1


@pytest.mark.jit
def test_queries_made_of_documents_keep_the_promise(held_out):
    index = Index.build(topical(0, 20_000, 40))
    assert found(index.search(held_out, recall=0.9), index.search(held_out)) >= 0.89


@pytest.mark.jit
@pytest.mark.parametrize("deleted", [False, True])
def test_the_promise_holds_without_half_of_what_matches_best(index, held_out, deleted):
    (part,) = index._snapshot.parts
    shares = []
    for i in range(60):
        query = held_out[[i]]
        allowed = np.ones(len(index), np.bool_)
        allowed[index.search(query, k=200).rows[0, 1::2]] = False
        among, kept = index, allowed
        if deleted:
            among, kept = Index(Snapshot([part.with_alive(allowed)], VOCABULARY)), None
        exact = among.search(query, filter=kept)
        shares.append(found(among.search(query, recall=0.95, filter=kept), exact))
    assert np.mean(shares) >= 0.94


@pytest.mark.jit
def test_scores_of_approximate_hits_are_exact(index, held_out):
    hits = index.search(held_out, recall=0.9)
    exact = index.search(held_out, k=20_000)
    for i in range(20):
        score = dict(zip(exact.rows[i].tolist(), exact.scores[i].tolist(), strict=True))
        assert [score[row] for row in hits.rows[i].tolist()] == hits.scores[i].tolist()


@pytest.mark.jit
def test_recall_of_one_is_exact(index, held_out):
    assert (index.search(held_out, recall=1.0).rows == index.search(held_out).rows).all()


@pytest.mark.jit
def test_fewer_hits_than_asked_for_are_found_all(index):
    rare = sp.csr_array(([1.0], ([0], [VOCABULARY - 1])), shape=(1, VOCABULARY))
    exact = index.search(rare, k=100)
    assert (index.search(rare, k=100, recall=0.9).rows == exact.rows).all()


@pytest.mark.jit
def test_a_saved_index_keeps_its_calibration(index, held_out, tmp_path):
    index.save(tmp_path / "index")
    opened = Index.open(tmp_path / "index")
    ours, theirs = opened.search(held_out, recall=0.9), index.search(held_out, recall=0.9)
    assert (ours.rows == theirs.rows).all()
    assert found(theirs, index.search(held_out)) < 1


@pytest.mark.jit
def test_the_same_build_gives_the_same_calibration(index, held_out):
    other = Index.build(topical(0, 20_000, 40), calibration_queries=topical(1, 400, 16))
    ours, theirs = other.search(held_out, recall=0.9), index.search(held_out, recall=0.9)
    assert (ours.rows == theirs.rows).all()


@pytest.mark.jit
@pytest.mark.parametrize("recall", [None, 0.95])
@pytest.mark.parametrize("share", [1.0, 0.7, 0.3, 0.01, 0.0])
def test_filtered_search_ranks_the_allowed_documents_alone(naive, recall, share):
    documents, queries = topical(3, 9000, 40), topical(4, 100, 16)
    index = Index.build(documents, calibration_queries=topical(5, 400, 16))
    allowed = np.random.default_rng(6).random(9000) < share
    hits = index.search(queries, recall=recall, filter=allowed)
    assert allowed[hits.rows[hits.rows >= 0]].all()
    rows = np.flatnonzero(allowed)
    exact = naive.search(queries, documents[rows], 10)
    kept = np.mean(
        [
            len({rows[row] for row, _ in best} & set(some)) / max(1, len(best))
            for best, some in zip(exact, hits.rows.tolist(), strict=True)
            if best
        ]
        or [1.0]
    )
    assert kept == 1 if recall is None else kept >= recall - 0.01
    if recall is None:
        for best, some in zip(exact, hits.rows.tolist(), strict=True):
            assert [rows[row] for row, _ in best] == [row for row in some if row >= 0]


def test_a_filter_may_be_ids():
    documents = sp.csr_array(np.ones((5, 1), np.float32))
    index = Index.build(documents, ids=list("abcde"))
    hits = index.search(documents[[0]], k=3, filter=["d", "b"])
    assert hits.ids.tolist() == [["b", "d", None]]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (np.ones(4, bool), InputError, r"a mask of shape \(4,\), the index holds 5 documents"),
        (["a", "z"], InputError, "no document has the id 'z'"),
        (["a", 1], InputTypeError, "the filter holds 1 of type int"),
        ("a == 1", InputError, "asks for metadata, and the index has none"),
        ("a", InputError, "asks for metadata, and the index has none"),
        (3, InputTypeError, "the filter must be a condition as text, a boolean array"),
    ],
)
def test_a_filter_that_cannot_be_used_is_named(given, error, message):
    documents = sp.csr_array(np.ones((5, 1), np.float32))
    with pytest.raises(error, match=message):
        Index.build(documents, ids=list("abcde")).search(documents, filter=given)


@pytest.mark.jit
@pytest.mark.parametrize("threads", [2, 3, 50])
@pytest.mark.parametrize("recall", [None, 0.9])
def test_threads_change_no_result(index, held_out, recall, threads):
    alone = index.search(held_out, recall=recall)
    shared = index.search(held_out, recall=recall, threads=threads)
    assert (alone.rows == shared.rows).all()
    assert (alone.scores == shared.scores).all()


@pytest.mark.parametrize("recall", [0, -0.1, 1.1, float("nan")])
def test_a_recall_outside_of_its_range_is_refused(recall):
    documents = sp.csr_array(np.ones((5, 1), np.float32))
    with pytest.raises(InputError, match="expected a number in"):
        Index.build(documents).search(documents, recall=recall)


@pytest.mark.parametrize("recall", ["0.9", True, [0.9]])
def test_a_recall_must_be_a_number(recall):
    documents = sp.csr_array(np.ones((5, 1), np.float32))
    with pytest.raises(InputTypeError, match="recall must be a number"):
        Index.build(documents).search(documents, recall=recall)


def test_plans():
    table = [
        Calibration(10, 8, 0.9, Plan(0.9, 15)),
        Calibration(10, 32, 0.9, Plan(0.6, 20)),
        Calibration(10, 32, 0.95, Plan(0.7, 30, True)),
        Calibration(100, 32, 0.9, Plan(0.6, 200)),
    ]
    assert plans(table, 10, 0.9, 1000, 1000).tolist() == [[8, 0.9, 15, 0], [32, 0.6, 20, 0]]
    assert plans(table, 5, 0.91, 1000, 1000).tolist() == [[8, 1.0, 0, 0], [32, 0.7, 30, 1]]
    assert plans(table, 11, 0.5, 1000, 1000).tolist() == [[8, 1.0, 0, 0], [32, 0.6, 200, 0]]
    assert plans(table, 10, 0.9, 1000, 500).tolist() == [[8, 0.9, 30, 0], [32, 0.6, 40, 0]]
    for k, recall, allowed in [
        (10, None, 1000),
        (10, 1.0, 1000),
        (10, 0.99, 1000),
        (101, 0.9, 1000),
        (10, 0.9, 499),
    ]:
        assert len(plans(table, k, recall, 1000, allowed)) == 0


@pytest.mark.jit
def test_terms_that_cannot_find_a_document_do_not_count_as_finding_it():
    rng = np.random.default_rng(0)
    n = 9000
    rare = sp.csr_array(
        (np.full(20, 0.1, np.float32), (rng.choice(n, 20, replace=False), np.zeros(20, int))),
        shape=(n, 1),
    )
    common = sp.csr_array(rng.lognormal(0, 1, (n, 1)).astype(np.float32))
    index = Index.build(
        sp.hstack([rare, common], format="csr"),
        calibration_queries=(queries := sp.csr_array(np.tile([[100.0, 1.0]], (40, 1)))),
    )
    assert found(index.search(queries, recall=0.95), index.search(queries)) >= 0.95


def test_the_index_does_not_change_with_the_matrix_it_was_given():
    documents = sp.csr_array(np.array([[1.0], [2.0]], np.float32))
    index = Index.build(documents)
    documents.data[:] = [100, 1]
    assert index.search(sp.csr_array([[1.0]])).scores[0][:2].tolist() == [2.0, 1.0]


@pytest.mark.jit
def test_calibration_while_others_search(index, held_out):
    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(index.search, held_out, recall=0.9) for _ in range(8)]
        index.calibrate(topical(1, 400, 16))
        assert all((job.result().rows >= 0).any() for job in work)
