import os
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from rarefy.eval.efficiency import flops, nnz_histogram, one_core, search_latency


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
    assert calls == [*range(10), *list(range(10)) * 5]
    assert found.keys() == {"mean", "p50", "p99"}
    assert 1000 <= found["p50"] < found["mean"] < found["p99"]
    assert 1900 <= found["p99"] < 20_000


def test_latency_of_many_queries_is_sampled():
    calls = []
    search_latency(calls.append, 10_000)
    assert len(calls) == 20 + 5 * 500
    assert min(calls) == 0
    assert max(calls) == 9_999


def test_flops_is_the_mean_of_shared_terms():
    random = np.random.default_rng(0)
    queries = csr_array(random_array((7, 20), density=0.3, rng=random))
    documents = csr_array(random_array((11, 20), density=0.4, rng=random))
    shared = (queries.toarray() != 0).astype(int) @ (documents.toarray() != 0).T
    assert flops(queries, documents) == pytest.approx(shared.mean())


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
