"""What a system costs: the time of a search, and the work that its vectors stand for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter_ns
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

__all__ = [
    "PROTOCOL",
    "cold_start",
    "cores",
    "document_flops",
    "flops",
    "found_share",
    "nnz_histogram",
    "one_core",
    "postings",
    "search_latency",
    "throughput",
]

_WARM_UP = 20  # queries before the clock runs: compilation, page faults, caches
_ROUNDS = 3
_QUERIES = 500  # the most that are timed
_SECONDS = 0.2  # that rounds of a throughput take together, at least

PROTOCOL = {
    "search_us": f"one query at a time, encoded before, for the best 10 documents, on one core; "
    f"{_WARM_UP} queries of warm-up, then {_ROUNDS} rounds over at most {_QUERIES} queries, the "
    "median of a query's times; systems that take text (Lucene's BM25) analyse it in that time; "
    "Lucene is asked through its own searcher, which fetches no stored documents",
    "queries_per_s": f"all queries, at most {_QUERIES}, in one call, encoded before, for the best "
    "10 documents; one thread on one core, then a thread a core; the fastest of rounds of "
    f"{_SECONDS} s together",
    "build_s": "from vectors, or from texts where the engine reads those, on one core",
    "cold_start_ms": "index on disk and not in the system's cache, code loaded: to open it and "
    f"answer one query, on one core; median of {_ROUNDS}",
    "encode": "texts a second that were really encoded; null where a cache held them all",
    "index_bytes": "what search needs in memory, without texts and ids",
    "recall_against_exact": "share of the exact system's best 10 among the best 10",
    "approximate": "the first 10 results are those of the search that is timed; what a search for "
    "1,000 finds besides follows them",
}
"""How the figures of a run are made, the same for every system: figure -> rule."""

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


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def search_latency(search_one: Callable[[int], object], queries: int) -> dict[str, float]:
    """Time searches, one query at a time, on one core.

    Three rounds go over the same queries, at most 500; a query's time is the median over the
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
        ``mean``, ``p50``, ``p95`` and ``p99`` over the queries, in microseconds.
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
    percentiles = {f"p{share}": float(np.percentile(micros, share)) for share in (50, 95, 99)}
    return {"mean": float(micros.mean()), **percentiles}


def throughput(search: Callable[[int, int], object], queries: int) -> dict[str, float]:
    """Time searches for all queries at once, by one thread and by as many as there are cores.

    Of many queries the first 500 are enough.

    Parameters
    ----------
    search
        Answers queries: the first argument is the number of threads, the second that of queries.
    queries
        How many that are.

    Returns
    -------
    dict
        Queries a second: ``one_core`` and ``all_cores``; the best of rounds that take a fifth
        of a second together, at least one.
    """
    queries = min(queries, _QUERIES)
    with one_core():
        alone = _rate(lambda: search(1, queries), queries)
    return {"one_core": alone, "all_cores": _rate(lambda: search(cores(), queries), queries)}


def _rate(call: Callable[[], object], queries: int) -> float:
    fastest, spent = np.inf, 0.0
    while spent < _SECONDS:
        start = perf_counter_ns()
        call()
        seconds = (perf_counter_ns() - start) / 1e9
        fastest, spent = min(fastest, seconds), spent + seconds
    return queries / fastest


def cold_start(
    store: Callable[[Path], Callable[[], object] | None],
) -> tuple[float | None, int | None]:
    """Time how long an index on disk takes to its first answer, in a process that has its code.

    The index is written, its files are dropped from the system's cache, and it is opened and asked
    one query; the median of three times.

    Parameters
    ----------
    store
        Writes the index into a folder, and returns what opens it and answers one query.

    Returns
    -------
    tuple
        Milliseconds, and the bytes on disk; None for a system without an index.
    """
    with TemporaryDirectory(prefix="rarefy-cold-") as folder:
        opener = store(Path(folder))
        if opener is None:
            return None, None
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        times = []
        with one_core():
            for _ in range(_ROUNDS):
                for path in files:
                    _drop_from_cache(path)
                start = perf_counter_ns()
                opener()
                times.append(perf_counter_ns() - start)
        return float(np.median(times)) / 1e6, size


def _drop_from_cache(path: Path) -> None:
    if not hasattr(os, "posix_fadvise"):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def found_share(rows: npt.NDArray[np.integer], exact: npt.NDArray[np.integer]) -> float:
    """Return the mean share of the exact results that an approximate search found.

    Parameters
    ----------
    rows, exact
        int[queries, k], rows of documents, -1 where there are fewer. Queries without exact
        results are left out.
    """
    shares = [
        float(np.isin(wanted[wanted >= 0], found).mean())
        for found, wanted in zip(rows, exact, strict=True)
        if (wanted >= 0).any()
    ]
    return float(np.mean(shares)) if shares else 1.0


def flops(queries: csr_array, documents: csr_array) -> float:
    """Return the mean number of terms that a query and a document share.

    That is the number of multiplications to score a pair, ``sum_t p_q(t) p_d(t)``, with the share
    of the queries and of the documents that have each term: the FLOPS of Formal et al. 2021,
    "SPLADE: Sparse Lexical and Expansion Model for First Stage Ranking", sometimes QD-FLOPs.

    Parameters
    ----------
    queries, documents
        CSR, float32[queries, V] and float32[documents, V].
    """
    return float(_shares(queries) @ _shares(documents))


def document_flops(documents: csr_array) -> float:
    """Return the expected number of terms that two documents share, ``sum_t p_d(t)^2``.

    The FLOPS of Paria et al. 2020, "Minimizing FLOPs to Learn Efficient Sparse Representations",
    which is what regularisers lower: it needs no queries, and grows with the longest lists.

    Parameters
    ----------
    documents
        CSR, float32[documents, V].
    """
    shares = _shares(documents)
    return float(shares @ shares)


def postings(queries: csr_array, documents: csr_array) -> dict[str, float]:
    """Count the postings that an exhaustive search would touch for each query.

    Parameters
    ----------
    queries, documents
        CSR, float32[queries, V] and float32[documents, V].

    Returns
    -------
    dict
        ``mean``, ``p50`` and ``p99`` over the queries of the lengths of their terms' lists.
    """
    lengths = np.bincount(documents.indices, minlength=documents.shape[1])
    touched = np.add.reduceat(np.append(lengths[queries.indices], 0), queries.indptr[:-1])
    touched[np.diff(queries.indptr) == 0] = 0
    percentiles = {f"p{share}": float(np.percentile(touched, share)) for share in (50, 99)}
    return {"mean": float(touched.mean()), **percentiles}


def _shares(vectors: csr_array) -> npt.NDArray[np.float64]:
    counts = np.bincount(vectors.indices, minlength=vectors.shape[1])
    return counts / vectors.shape[0]


def nnz_histogram(vectors: csr_array) -> dict[str, list[Any]]:
    """Return a histogram of the terms a vector: ``edges``, one more than ``counts``."""
    nnz: npt.NDArray[np.int64] = np.diff(vectors.indptr)
    width = max(1, -(-(int(nnz.max()) + 1) // _BINS))  # whole numbers, so that no bin is favoured
    edges = np.arange(0, int(nnz.max()) + 1 + width, width)
    counts, _ = np.histogram(nnz, bins=edges)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
