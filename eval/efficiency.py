"""What a system costs: the time of a search, and the work that its vectors stand for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter_ns
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

__all__ = ["flops", "nnz_histogram", "one_core", "search_latency"]

_WARM_UP = 20  # queries before the clock runs: compilation, page faults, caches
_ROUNDS = 5
_QUERIES = 500  # the most that are timed, evenly spaced
_BINS = 30


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this thread on one core, where the system allows it, and FAISS on one thread."""
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    faiss = sys.modules.get("faiss")
    threads = faiss.omp_get_max_threads() if faiss else None
    try:
        if affinity:
            os.sched_setaffinity(0, {max(affinity)})
        if faiss:
            faiss.omp_set_num_threads(1)
        yield
    finally:
        if affinity:
            os.sched_setaffinity(0, affinity)
        if faiss:
            faiss.omp_set_num_threads(threads)


def search_latency(search_one: Callable[[int], object], queries: int) -> dict[str, float]:
    """Time searches, one query at a time, on one core.

    Five rounds go over the same queries, at most 500; a query's time is the median over the
    rounds, so that what else the machine does counts little.

    Parameters
    ----------
    search_one
        Answers the query of a row, which is encoded already.
    queries
        How many rows there are, at least 1.

    Returns
    -------
    dict
        ``mean``, ``p50`` and ``p99`` over the queries, in microseconds.
    """
    rows = np.unique(np.linspace(0, queries - 1, min(queries, _QUERIES)).astype(int)).tolist()
    times = np.empty((_ROUNDS, len(rows)))
    with one_core():
        for row in rows[:_WARM_UP]:
            search_one(row)
        for round_times in times:
            for place, row in enumerate(rows):
                start = perf_counter_ns()
                search_one(row)
                round_times[place] = perf_counter_ns() - start
    micros = np.median(times, axis=0) / 1000
    return {
        "mean": float(micros.mean()),
        "p50": float(np.percentile(micros, 50)),
        "p99": float(np.percentile(micros, 99)),
    }


def flops(queries: csr_array, documents: csr_array) -> float:
    """Return the mean number of terms that a query and a document share.

    That is the expected number of multiplications to score a pair: the FLOPS of Paria et al.
    2020, "Minimizing FLOPs to Learn Efficient Sparse Representations", here over the queries
    and documents of a collection, from the document frequencies of the terms in both.

    Parameters
    ----------
    queries, documents
        CSR, float32[queries, V] and float32[documents, V].
    """
    width = documents.shape[1]
    in_queries = np.bincount(queries.indices, minlength=width).astype(np.float64)
    in_documents = np.bincount(documents.indices, minlength=width).astype(np.float64)
    return float(in_queries @ in_documents / (queries.shape[0] * documents.shape[0]))


def nnz_histogram(vectors: csr_array) -> dict[str, list[Any]]:
    """Return a histogram of the terms a vector: ``edges``, one more than ``counts``."""
    nnz: npt.NDArray[np.int64] = np.diff(vectors.indptr)
    width = max(1, -(-(int(nnz.max()) + 1) // _BINS))  # whole numbers, so that no bin is favoured
    edges = np.arange(0, int(nnz.max()) + 1 + width, width)
    counts, _ = np.histogram(nnz, bins=edges)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
