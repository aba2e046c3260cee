"""Search over the heaviest postings alone: what is listed, what is found, what is promised."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from rarefy.errors import DamagedIndexError
from rarefy.index import Index, merging, planner
from rarefy.index.build import build
from rarefy.index.champions import collect_champions
from rarefy.index.filters import NO_FILTER
from rarefy.index.kernels import NEVER, block_ranks
from rarefy.index.leaves import Leaf
from rarefy.index.planner import EXACT
from rarefy.index.scratch import Scratch
from rarefy.index.searcher import Searcher
from rarefy.index.vectors import canonical


def vectors(seed, rows, columns=40, density=0.2):
    rng = np.random.default_rng(seed)
    matrix = sp.random_array((rows, columns), density=density, rng=rng, format="csr")
    matrix.data = rng.choice([0.5, 1, 1.5, 2, 40], matrix.nnz)
    return sp.csr_array(matrix.astype(np.float32))


def searcher(documents, most):
    return Searcher([Leaf.of(build(canonical(documents), 4, champions=most), 4)])


def plan(mass, looked_at):
    return np.array([[2**31, mass, looked_at, 1]], np.float64)


def listed(layout):
    return {
        int(column): layout.champion_rows[
            layout.champion_ptr[term] : layout.champion_ptr[term + 1]
        ].tolist()
        for term, column in enumerate(layout.columns)
    }


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 120), most=st.integers(1, 130))
def test_the_heaviest_postings_are_listed(naive, seed, rows, most):
    documents = vectors(seed, rows)
    layout = build(canonical(documents), 4, champions=most)
    assert listed(layout) == naive.champions(documents, most)
    for row, code, term in zip(
        layout.champion_rows,
        layout.champion_codes,
        np.repeat(np.arange(len(layout.columns)), np.diff(layout.champion_ptr)),
        strict=True,
    ):
        entries = slice(layout.indptr[row], layout.indptr[row + 1])
        assert layout.codes[entries][layout.terms[entries] == term] == [code]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 120),
    most=st.integers(1, 130),
    k=st.integers(1, 20),
)
def test_all_champions_of_all_terms_are_searched_exactly(searched, naive, seed, rows, most, k):
    documents, queries = vectors(seed, rows), vectors(seed + 1, 4, density=0.3)
    champions = naive.champions(documents, most)
    ours = searched(searcher(documents, most), canonical(queries), k, plan(1.0, rows))
    for i in range(4):
        query = queries[[i]]
        reached = sorted({row for column in query.indices for row in champions.get(column, [])})
        allowed = documents[reached] if reached else documents[:0]
        expected = [(reached[row], score) for row, score in naive.search(query, allowed, k)[0]]
        if len(expected) < min(k, rows):  # too few: everything is searched
            expected = naive.search(query, documents, k)[0]
        kept = ours[0][i] >= 0
        assert ours[0][i][kept].tolist() == [row for row, _ in expected]
        np.testing.assert_allclose(ours[1][i][kept], [s for _, s in expected], rtol=1e-6)


@pytest.mark.jit
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    mass=st.sampled_from([0.3, 0.7, 1.0]),
    looked_at=st.integers(1, 40),
)
def test_what_ranks_high_enough_in_calibration_is_found(searched, seed, mass, looked_at):
    documents, query = vectors(seed, 150), vectors(seed + 1, 1, density=0.4)
    layout = build(canonical(documents), 4, champions=30)
    index = Searcher([Leaf.of(layout, 4)])
    canonised = canonical(query)
    if not len(canonised.columns):
        return
    every = searched(index, canonised, 150, EXACT)[0][0]
    every = every[every >= 0]
    scratch = Scratch.of(150, 38, len(layout.columns))
    ranks, reaching = np.zeros(len(every), np.int64), np.zeros(0, np.int64)
    work = block_ranks(
        Leaf.of(layout, 4), canonised.columns, canonised.weights, mass, True, scratch, every,
        np.zeros(0, np.float32), ranks, reaching,
    )  # fmt: skip
    assert not scratch.window.any()
    assert work > 0
    k = min(looked_at, 10)
    found = searched(index, canonised, k, plan(mass, looked_at))[0][0]
    near = {row for row, rank in zip(every[:k], ranks[:k], strict=False) if rank <= looked_at}
    assert near <= set(found.tolist())
    assert ((ranks == NEVER) | (ranks >= 1)).all()


@pytest.mark.parametrize("looked_at", [1, 10])
def test_fewer_champions_than_asked_for_are_not_the_end(searched, naive, looked_at):
    documents, queries = vectors(6, 100), vectors(7, 5, density=0.3)
    rows, _ = searched(searcher(documents, 1), canonical(queries), 20, plan(1.0, looked_at))
    expected = naive.search(queries, documents, 20)
    assert [found[found >= 0].tolist() for found in rows] == [[r for r, _ in e] for e in expected]


def test_few_more_documents_are_looked_at_than_wanted():
    rng = np.random.default_rng(1)
    documents = sp.csr_array(rng.lognormal(0, 1, (5000, 3)).astype(np.float32))
    layout = build(canonical(documents), 4, champions=5000)
    scratch = Scratch.of(5000, 1250, 3)
    integers, added, shift = np.array([255, 200, 100], np.uint16), 3, 1
    count = collect_champions(layout, np.arange(3), integers, added, shift, 50, NO_FILTER, scratch)
    assert 50 <= count <= 75
    assert len(set(scratch.candidates[:count].tolist())) == count
    assert not scratch.window.any()


def test_filters_hold_for_champions(searched):
    documents, queries = vectors(3, 200), vectors(4, 20, density=0.3)
    index = searcher(documents, 50)
    allowed = np.random.default_rng(5).random(200) < 0.5
    rows, scores = searched(
        index, canonical(queries), 10, plan(0.8, 30), index.filter(allowed, exact=False)
    )
    assert allowed[rows[rows >= 0]].all()
    exact = searched(index, canonical(queries), 200, EXACT)
    for i in range(20):
        score = dict(zip(exact[0][i].tolist(), exact[1][i].tolist(), strict=True))
        assert [score[row] for row in rows[i].tolist() if row >= 0] == [
            value for value in scores[i].tolist() if value > -np.inf
        ]


def test_sums_that_do_not_fit_are_searched_exactly(searched):
    documents = sp.csr_array(np.random.default_rng(0).choice([0, 1.0, 2.0], (40, 400)))
    layout = build(canonical(documents), 4, champions=5)
    index = Searcher([Leaf.of(layout, 4)])
    query = canonical(sp.csr_array(np.ones((1, 400), np.float32)))
    exact = searched(index, query, 10, EXACT)
    assert (searched(index, query, 10, plan(1.0, 10))[0] == exact[0]).all()
    ranks = np.zeros(2, np.int64)
    scratch = Scratch.of(40, 10, len(layout.columns))
    none = np.zeros(0, np.int64)
    work = block_ranks(
        Leaf.of(layout, 4), query.columns, query.weights, 1.0, True, scratch, np.arange(2),
        np.zeros(0, np.float32), ranks, none,
    )  # fmt: skip
    assert np.isinf(work)
    assert (ranks == NEVER).all()


@pytest.mark.jit
def test_lists_that_span_windows_are_searched(searched):
    n = 300_000
    rows = np.array([0, 5, 131_071, 131_072, 200_000, 262_143, 262_144, n - 1])
    rare = sp.csr_array((np.arange(1, 9), (rows, np.zeros(8, int))), shape=(n, 1))
    ramp = sp.csr_array(np.linspace(1, 2, n)[:, None])
    documents = sp.csr_array(sp.hstack([rare, ramp], format="csr").astype(np.float32))
    index = searcher(documents, 1000)
    query = canonical(sp.csr_array(np.array([[1.0, 0.1]], np.float32)))
    found = searched(index, query, 8, plan(1.0, 8))
    assert found[0][0].tolist() == rows[::-1].tolist()
    assert (searched(index, query, 8, EXACT)[0] == found[0]).all()


@pytest.fixture
def planned(monkeypatch):
    """An index of few documents that is planned as if block sums cost more than anything."""

    def costly(*arguments):
        work = block_ranks(*arguments)
        return work if arguments[5] else np.inf

    monkeypatch.setattr(planner, "LEAST_DOCUMENTS", 100)
    monkeypatch.setattr(planner, "block_ranks", costly)
    monkeypatch.setattr(merging, "BLOCK_SIZES", ())
    monkeypatch.setattr(merging, "CHAMPIONS", 300)
    documents = vectors(8, 3000, columns=300, density=0.05)
    return Index.build(documents, calibration_queries=vectors(9, 200, columns=300, density=0.04))


@pytest.mark.jit
def test_the_planner_keeps_its_promise_with_champions(planned, tmp_path):
    table = planned._snapshot.parts[0].table
    assert any(entry.plan.champions for entry in table)
    queries = vectors(10, 200, columns=300, density=0.04)
    exact = planned.search(queries)
    for recall in (0.9, 0.95, 0.99):
        hits = planned.search(queries, recall=recall)
        shares = [
            len(set(a[a >= 0]) & set(b[b >= 0])) / max(1, (b >= 0).sum())
            for a, b in zip(hits.rows, exact.rows, strict=True)
        ]
        assert np.mean(shares) >= recall - 0.01
    planned.save(tmp_path / "index")
    opened = Index.open(tmp_path / "index")
    assert opened._snapshot.parts[0].table == table
    alone = planned.search(queries, recall=0.9)
    assert (opened.search(queries, recall=0.9).rows == alone.rows).all()
    assert (planned.search(queries, recall=0.9, threads=2).rows == alone.rows).all()


@pytest.mark.jit
@pytest.mark.parametrize(
    ("name", "forged", "message"),
    [
        ("champion_rows", lambda a: a[::-1].copy(), "champion_rows do not increase"),
        ("champion_rows", lambda a: a + np.uint32(1), "champion_rows do not increase"),
        ("champion_ptr", lambda a: a[::-1].copy(), "champion_ptr is not increasing"),
        ("champion_ptr", lambda a: a[:-1], "champion_ptr is int64"),
        ("champion_ptr", lambda a: a[:0], "the calibration asks for champions"),
        ("champion_codes", lambda a: a[:-1], "champion_codes is uint8"),
    ],
)
def test_forged_champions_are_refused(planned, tmp_path, forge, name, forged, message):
    planned.save(tmp_path / "index")
    forge(tmp_path / "index", name, forged)
    with pytest.raises(DamagedIndexError, match=message):
        Index.open(tmp_path / "index")


def test_champions_without_codes_are_refused(tmp_path, forge):
    index = Index.build(vectors(0, 20))
    index.save(tmp_path / "index")
    n_terms = len(index._snapshot.parts[0].segment.layout.columns)
    forge(tmp_path / "index", "champion_ptr", lambda _: np.zeros(n_terms + 1, np.int64))
    with pytest.raises(DamagedIndexError, match="there are champions, but no codes"):
        Index.open(tmp_path / "index")


@pytest.mark.jit
def test_plans_look_at_as_many_champions_as_are_asked_for(planned):
    plans = [entry for entry in planned._snapshot.parts[0].table if entry.plan.champions]
    assert {entry.k for entry in plans} >= {10, 100}
    assert all(entry.plan.looked_at >= entry.k for entry in plans)


def test_small_collections_have_none():
    assert not Index.build(vectors(0, 20))._snapshot.parts[0].segment.layout.has_champions
