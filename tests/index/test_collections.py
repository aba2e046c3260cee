"""Search equals the oracle on real collections, filtered or not, and keeps its recall."""

from __future__ import annotations

import numpy as np
import pytest

import rarefy
from rarefy.eval import load_collection
from rarefy.eval.interchange import align, read_vectors
from rarefy.index import Index

pytestmark = [pytest.mark.data, pytest.mark.jit]

COLLECTIONS = ["nfcorpus, SPLADE-v3", "scifact, BM25", "cranfield, BM25", "cacm, BM25"]
LARGE = "miracl-yo"
"""49,043 documents: enough for a search with a recall to be approximate."""
KEPT = [None, "one", 0.01, 0.5, 1.0]
QUERIES = 200


@pytest.fixture(scope="module", params=COLLECTIONS)
def real(request, data):
    """Documents, queries, index and exact scores of a collection: made once for all its tests."""
    name, vectors = request.param.split(", ")
    documents, queries = (splade if vectors == "SPLADE-v3" else bm25)(data / name)
    queries = queries[:QUERIES]
    return len(queries.indptr) - 1, queries, Index.build(documents), oracle(documents, queries)


def splade(folder):
    documents, queries = align(
        read_vectors(folder / "splade-v3.docs.jsonl.gz"),
        read_vectors(folder / "splade-v3.queries.jsonl.gz"),
    )
    return documents.matrix, queries.matrix


def bm25(folder):
    collection = load_collection(folder)
    model = rarefy.load("bm25").fit(collection.documents)
    return model.encode_documents(collection.documents), model.encode_queries(collection.queries)


def oracle(documents, queries):
    """Dot products in float64, rounded once; all weights are positive, so 0 is no shared term."""
    return (
        (queries.astype(np.float64) @ documents.astype(np.float64).T).toarray().astype(np.float32)
    )


def mask(kept, n):
    """Which documents a filter keeps: one, or a share of them."""
    rng = np.random.default_rng(0)
    if kept == "one":
        return np.arange(n) == rng.integers(n)
    return np.isin(np.arange(n), rng.permutation(n)[: round(kept * n)])


@pytest.mark.parametrize("kept", KEPT)
def test_results_equal_the_oracle(real, kept):
    count, queries, index, exact = real
    allowed = None if kept is None else mask(kept, len(index))
    order = np.argsort(-exact, axis=1, kind="stable")
    for k in (1, 10, 100, 1000):
        hits = index.search(queries, k=k, filter=allowed)
        for i in range(count):
            best = order[i] if allowed is None else order[i][allowed[order[i]]]
            best = best[:k][exact[i, best[:k]] > 0]
            assert hits.rows[i, : len(best)].tolist() == best.tolist()
            assert (hits.rows[i, len(best) :] == -1).all()
            np.testing.assert_allclose(hits.scores[i, : len(best)], exact[i, best], rtol=1e-5)


@pytest.fixture(scope="module")
def large(data):
    """An index calibrated with half of the queries, the other half, and their exact scores."""
    documents, queries = bm25(data / LARGE)
    index = Index.build(documents, calibration_queries=queries[::2])
    held_out = queries[1::2]
    return index, held_out, oracle(documents, held_out)


@pytest.mark.parametrize("recall", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("kept", [None, 0.01, 0.3, 0.5, 0.7, 1.0])
def test_the_promise_of_recall_holds_with_a_filter(large, kept, recall):
    index, queries, exact = large
    allowed = mask(1.0 if kept is None else kept, len(index))
    hits = index.search(queries, recall=recall, filter=None if kept is None else allowed)
    shares = []
    for score, rows in zip(exact, hits.rows, strict=True):
        rows = rows[rows >= 0]
        assert allowed[rows].all()
        least = np.sort(score[allowed])[-10]
        wanted = min(10, int((score[allowed] > 0).sum()))
        if wanted:
            shares.append(min(wanted, (score[rows] >= max(least, 1e-9)).sum()) / wanted)
    assert np.mean(shares) >= recall - 0.01
