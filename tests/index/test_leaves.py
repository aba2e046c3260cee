"""Layouts of several kinds are searched as if they were one."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from rarefy.index.build import build
from rarefy.index.filters import NO_FILTER
from rarefy.index.leaves import Leaf
from rarefy.index.planner import EXACT
from rarefy.index.searcher import Searcher
from rarefy.index.vectors import canonical

WIDE = 70_000
"""Columns whose terms do not fit in 16 bits."""


def pieces(seed):
    """Documents in pieces, and the leaf of each: other block sizes, champions, wider terms."""
    rng = np.random.default_rng(seed)
    matrices = [
        sp.random_array((n, WIDE), density=0.001, rng=rng, dtype=np.float32, format="csr")
        for n in (5, 40, 1, 0, 90)
    ]
    matrices.append(sp.csr_array(np.ones((1, WIDE), np.float32)))
    matrices.append(sp.csr_array(np.round(4 * matrices[1])))
    ways = [(1, 0), (4, 3), (1, 0), (2, 0), (2, 0), (1, 0), (4, 0)]
    leaves = [
        Leaf.of(build(canonical(matrix), size, champions=most), size)
        for matrix, (size, most) in zip(matrices, ways, strict=True)
    ]
    return sp.csr_array(sp.vstack(matrices)), leaves


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.sampled_from([1, 3, 10, 137, 500]), kept=st.booleans())
def test_leaves_are_searched_as_one(naive, seed, k, kept):
    documents, leaves = pieces(seed)
    searcher = Searcher(leaves)
    rng = np.random.default_rng(seed + 1)
    queries = sp.random_array((4, WIDE), density=0.01, rng=rng, dtype=np.float32, format="csr")
    allowed = rng.random(len(searcher)) < 0.6 if kept else np.ones(len(searcher), np.bool_)
    rows, scores = searcher.search(
        canonical(queries), k, searcher.planned([EXACT] * len(leaves)),
        searcher.filter(allowed, exact=True) if kept else NO_FILTER,
    )  # fmt: skip
    every = naive.search(queries, documents, documents.shape[0])
    for i, ranked in enumerate(every):
        best = [(row, score) for row, score in ranked if allowed[row]][:k]
        assert rows[i].tolist() == [row for row, _ in best] + [-1] * (k - len(best))
        assert scores[i, : len(best)].tolist() == pytest.approx([s for _, s in best], rel=1e-6)


def test_leaves_of_like_arrays_share_a_list():
    _, leaves = pieces(0)
    groups = Searcher(leaves)._groups
    assert sorted(len(numbers) for _, numbers in groups) == [1, 6]
    assert sorted(at for _, numbers in groups for at in numbers) == list(range(7))


@pytest.mark.parametrize("columns", [[0], [7], [3, 2**31 - 2], [1, 2, 3, 4000], []])
def test_a_column_is_in_its_bucket(columns):
    width = max(columns, default=0) + 1
    vectors = sp.csr_array(
        (np.ones(len(columns)), (np.zeros(len(columns), int), columns)), shape=(1, width)
    )
    leaf = Leaf.of(build(canonical(vectors), 1), 1)
    ordered = leaf.layout.columns[leaf.layout.by_column]
    assert leaf.buckets[-1] == len(columns)
    assert len(leaf.buckets) <= 2 * len(columns) + 3
    for place, column in enumerate(ordered.tolist()):
        bucket = column >> leaf.shift
        assert leaf.buckets[bucket] <= place < leaf.buckets[bucket + 1]


def test_memory_of_a_smaller_index_is_not_used_for_a_larger():
    _, leaves = pieces(1)
    small = Searcher(leaves[:1])
    small.give(small.take())
    large = Searcher(leaves, small)
    assert large.take().fits(90, 45, len(leaves[5].layout.columns))
