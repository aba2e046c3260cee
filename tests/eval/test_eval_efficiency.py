import os
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from rarefy.eval.efficiency import (
    cold_start,
    cores,
    document_flops,
    flops,
    found_share,
    nnz_histogram,
    one_core,
    postings,
    search_latency,
    throughput,
)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux's scheduler")
def test_one_core_and_back_even_after_an_error():
    faiss = pytest.importorskip("faiss")
    before, threads = os.sched_getaffinity(0), faiss.omp_get_max_threads()
    with pytest.raises(RuntimeError), one_core():
        assert len(os.sched_getaffinity(0)) == 1
        assert faiss.omp_get_max_threads() == 1
        raise RuntimeError
    assert os.sched_getaffinity(0) == before
    assert faiss.omp_get_max_threads() == threads


def test_faiss_is_not_imported_for_it():
    program = "import sys; from rarefy.eval.efficiency import one_core\nwith one_core(): pass\n"
    program += "sys.exit('faiss' in sys.modules)"
    subprocess.run([sys.executable, "-P", "-c", program], check=True)


def test_latency_is_in_microseconds_and_warm_up_is_left_out():
    calls = []

    def search_one(row):
        calls.append(row)
        time.sleep(0.05 if len(calls) == 1 else 0.002 if row == 9 else 0.001)

    found = search_latency(search_one, 10)
    assert calls == [*range(10), *list(range(10)) * 3]
    assert found.keys() == {"mean", "p50", "p95", "p99"}
    assert 1000 <= found["p50"] <= found["p95"] < found["p99"]
    assert 1900 <= found["p99"] < 20_000


def test_latency_of_many_queries_is_sampled():
    calls = []
    search_latency(calls.append, 10_000)
    assert len(calls) == 20 + 3 * 500
    assert min(calls) == 0
    assert max(calls) == 9_999


def test_flops_is_the_mean_of_shared_terms():
    random = np.random.default_rng(0)
    queries = csr_array(random_array((7, 20), density=0.3, rng=random))
    documents = csr_array(random_array((11, 20), density=0.4, rng=random))
    shared = (queries.toarray() != 0).astype(int) @ (documents.toarray() != 0).T
    assert flops(queries, documents) == pytest.approx(shared.mean())
    pairs = (documents.toarray() != 0).astype(int) @ (documents.toarray() != 0).T
    assert document_flops(documents) == pytest.approx(pairs.mean())


def test_postings_are_the_lengths_of_the_lists_of_a_querys_terms():
    documents = csr_array(np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1], [1, 0, 0]], np.float32))
    queries = csr_array(np.array([[1, 1, 0], [0, 0, 0], [2, 0, 1], [0, 0, 0]], np.float32))
    assert postings(queries, documents) == {
        "mean": (3 + 0 + 5 + 0) / 4,
        "p50": np.percentile([3, 0, 5, 0], 50),
        "p99": np.percentile([3, 0, 5, 0], 99),
    }


def test_the_share_found_leaves_out_what_is_not_there():
    exact = np.array([[1, 2, 3], [4, -1, -1], [-1, -1, -1]])
    found = np.array([[3, 9, 1], [-1, -1, -1], [7, -1, -1]])
    assert found_share(found, exact) == pytest.approx((2 / 3 + 0) / 2)
    assert found_share(exact, exact) == 1.0


def test_throughput_asks_for_one_thread_and_then_for_all():
    asked = []

    def search(threads, first):
        asked.append((threads, first))
        time.sleep(0.15)

    found = throughput(search, 30)
    assert asked == [(1, 30), (1, 30), (cores(), 30), (cores(), 30)]
    assert 50 < found["one_core"] <= 200
    assert 50 < found["all_cores"] <= 200


def test_throughput_is_of_five_hundred_queries_at_most():
    asked = []
    throughput(lambda threads, first: asked.append(first) or time.sleep(0.2), 5000)
    assert asked == [500, 500]


def test_a_cold_start_opens_what_was_written():
    opened = []

    def store(folder):
        (folder / "part").mkdir()
        (folder / "part" / "index").write_bytes(bytes(1000))
        return lambda: opened.append((folder / "part" / "index").read_bytes())

    milliseconds, size = cold_start(store)
    assert size == 1000
    assert opened == [bytes(1000)] * 3
    assert milliseconds > 0
    assert cold_start(lambda folder: None) == (None, None)


@pytest.mark.parametrize("largest", [0, 1, 29, 30, 31, 1000])
def test_a_histogram_counts_every_vector(largest):
    nnz = np.arange(largest + 1)
    indptr = np.concatenate([[0], np.cumsum(nnz)])
    columns = np.concatenate([np.arange(count) for count in nnz])
    matrix = csr_array((np.ones(indptr[-1]), columns, indptr), shape=(len(nnz), largest + 1))
    found = nnz_histogram(matrix)
    edges, counts = found["edges"], found["counts"]
    assert len(edges) == len(counts) + 1 <= 32
    assert len(set(np.diff(edges))) == 1
    assert sum(counts) == len(nnz)
    for start, end, count in zip(edges[:-1], edges[1:], counts, strict=True):
        assert count == ((nnz >= start) & (nnz < end)).sum()
