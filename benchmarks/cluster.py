"""What an index of several nodes costs and bears: Ray's nodes on one machine, a process each.

Nodes share the two cores and the memory of one machine here, so that ratios mean something and
times little. A node "of one core" is one whose processes may run on that core alone.

    python benchmarks/cluster.py                    all parts
    python benchmarks/cluster.py latency threshold  some
    python benchmarks/cluster.py --smoke --out PATH a toy
"""

from __future__ import annotations

import gzip
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import ray
import scipy.sparse
from corpus import corpus, toy
from parts import Part, run
from ray.cluster_utils import Cluster
from synthetic import synthetic
from targets import LARGER, SMALLER, row

from rarefy import offline
from rarefy.index import Index
from rarefy.index.distributed import DistributedIndex
from rarefy.index.distributed.answers import best
from rarefy.index.distributed.deal import Deal
from rarefy.index.filters import NO_FILTER
from rarefy.index.kernels import search_many
from rarefy.index.storage.ids import Ids
from rarefy.index.vectors import canonical
from rarefy.offline.encoded import Encoded, write_encoded
from rarefy.offline.job import Job
from rarefy.offline.work import lay_out

RESULT = Path(__file__).parent / "results" / "cluster.json"
MEMORY = Path("/dev/shm")
"""Where shards are kept: what is measured is not the disk."""
LONG = 280.0
QUERIES = 400
TEXTS, SLICE = 3072, 32
"""Texts that are encoded, and how many a task."""
SLICE_DOCUMENTS = 4096
"""Of a slice, where nothing else is said."""


@contextmanager
def nodes(cpus: list[int]) -> Iterator[Cluster]:
    """Start Ray on so many nodes, with so many tasks at once on each."""
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        settings = {"object_store_memory": 2**30, "temp_dir": folder}
        head = {"num_cpus": cpus[0], "include_dashboard": False, **settings}
        made = Cluster(initialize_head=True, head_node_args=head)
        for count in cpus[1:]:
            made.add_node(num_cpus=count, **settings)
        ray.init(address=made.address, log_to_driver=False, logging_level="error")
        try:
            yield made
        finally:
            ray.shutdown()
            made.shutdown()


@contextmanager
def storage() -> Iterator[Path]:
    """Return a folder in memory, with room for copies beside it."""
    with tempfile.TemporaryDirectory(prefix="shards-", dir=MEMORY) as folder:
        yield Path(folder)


def opened(folder: Path, documents: Any, shards: int, replicas: int = 1) -> DistributedIndex:
    """Build an index of some shards and open it."""
    return DistributedIndex.build(
        documents, storage=folder / "i", shards=shards, replicas=replicas, scratch=str(folder / "s")
    )


def vectors(size: int, smoke: bool) -> tuple[Any, Any]:
    """Return documents and queries, csr float32."""
    source = toy() if smoke else corpus()
    queries = source.queries["medium"].tocsr()[:QUERIES]
    if smoke:
        return source.documents.tocsr(), queries
    return source.documents.tocsr() if size <= SMALLER else synthetic(size), queries


def latency(home: Path, smoke: bool) -> dict[str, Any]:
    """One client's queries: four shards on two nodes, and one index in the client's process."""
    documents, queries = vectors(LARGER, smoke)
    one = Index.build(documents)
    with storage() as folder, nodes([2, 2]), opened(folder, documents, 4) as many:
        wait(many)
        times = np.zeros((2, queries.shape[0]))
        for i in range(queries.shape[0]):
            found = []
            for at, index in enumerate((one, many)):
                began = time.perf_counter()
                found.append(index.search(queries[[i]], 10))
                times[at, i] = time.perf_counter() - began
            for a, b in zip(*found, strict=True):
                assert np.array_equal(a, b)
    p50 = np.percentile(times * 1e3, 50, axis=1).tolist()
    p99 = np.percentile(times * 1e3, 99, axis=1).tolist()
    return {
        "documents": documents.shape[0],
        "one_ms": {"p50": p50[0], "p99": p99[0]},
        "four_shards_ms": {"p50": p50[1], "p99": p99[1]},
        "targets": [row("4 shards, added latency, p50, ms", "<=", 3, p50[1] - p50[0])],
    }


def throughput(home: Path, smoke: bool) -> dict[str, Any]:
    """Search in batches: the two shards' processes on one core, and on a core each."""
    documents, queries = vectors(SMALLER, smoke)
    cores = sorted(os.sched_getaffinity(0))[:2]
    rates = {}
    with storage() as folder, nodes([1, 1]), opened(folder, documents, 2) as index:
        wait(index)
        replicas = [ray.get(each.handle.process.remote()) for each in index._fleet._replicas]
        every = [queries[i : i + 200] for i in range(0, queries.shape[0], 200)]
        every *= 1 if smoke else 40
        for _ in range(2):
            for used in (1, 2):
                for number, process in enumerate(replicas):
                    pin_process(process, cores[number % used % len(cores)])
                began = time.perf_counter()
                done = sum(len(hits.rows) for hits in index.search_many(every, 10))
                rates[used] = max(rates.get(used, 0.0), done / (time.perf_counter() - began))
    return {
        "documents": documents.shape[0],
        "queries_per_second": rates,
        "targets": [row("queries/s, 2 nodes of 1 core / 1", ">=", 1.8, rates[2] / rates[1])],
    }


def kill(home: Path, smoke: bool) -> dict[str, Any]:
    """Kill a node of three while four clients search; every shard has two replicas."""
    documents, queries = vectors(SMALLER, smoke)
    expected = Index.build(documents).search(queries, 10)
    failed: list[str] = []
    times: list[tuple[float, float]] = []
    over = threading.Event()
    with (
        storage() as folder,
        nodes([2, 2, 2]) as cluster,
        opened(folder, documents, 3, replicas=2) as index,
    ):
        wait(index)

        def client(number: int) -> None:
            for i in np.random.default_rng(number).integers(0, queries.shape[0], 10**6):
                if over.is_set():
                    return
                began = time.perf_counter()
                try:
                    hits = index.search(queries[[i]], 10)
                    assert np.array_equal(hits.rows[0], expected.rows[i])
                    assert np.array_equal(hits.scores[0], expected.scores[i])
                except Exception as error:
                    failed.append(repr(error))
                times.append((began, time.perf_counter() - began))

        clients = [threading.Thread(target=client, args=(number,)) for number in range(4)]
        for each in clients:
            each.start()
        time.sleep(5)
        node = cluster.list_all_nodes()[-1]
        began = time.perf_counter()
        cluster.remove_node(node, allow_graceful=False)
        wait(index, without=node.node_id)
        restored = time.perf_counter() - began
        time.sleep(2)
        over.set()
        for each in clients:
            each.join()
    taken = np.array([taken for _, taken in times]) * 1e3
    return {
        "documents": documents.shape[0],
        "queries": len(times),
        "failures": failed[:3],
        "milliseconds": {"p50": float(np.median(taken)), "most": float(taken.max())},
        "targets": [
            row("node killed under load: failed queries", "<=", 0, len(failed)),
            row("node killed under load: full strength again, s", "<=", 30, restored),
        ],
    }


def build(home: Path, smoke: bool) -> dict[str, Any]:
    """Encode and index real texts by one worker and by two, each worker on a core of its own."""
    count, each = (24, 4) if smoke else (TEXTS, SLICE)
    source, model = home / "corpus.jsonl", str(home / "warm")
    with gzip.open(Path(os.environ["RAREFY_DATA"], "scifact", "corpus.jsonl.gz"), "rt") as texts:
        source.write_text("".join(islice(texts, count)))
    (home / "few.jsonl").write_text("".join(islice(source.open(), 8)))
    taken, sums = {}, {}
    with nodes([2]):
        offline.build(home / "few.jsonl", model, workers=2, slice_documents=1)
        cores = sorted(os.sched_getaffinity(0))
        for number, process in enumerate(idle(2)):
            pin_process(process, cores[number % len(cores)])
        for workers in (2, 1):
            began = time.perf_counter()
            out, known = home / f"out-{workers}", {"workers": workers, "slice_documents": each}
            offline.build(source, out, model=model, **known)
            taken[workers] = time.perf_counter() - began
            sums[workers] = {path.name: path.read_bytes() for path in out.iterdir()}
    return {
        "documents": count,
        "slice_documents": each,
        "model": "minilm-d2s, fitted before; its code is loaded in both processes",
        "seconds_by_workers": taken,
        "same_bytes": sums[1] == sums[2],
        "targets": [row("encode and build, 2 workers / 1", ">=", 1.8, taken[1] / taken[2])],
    }


def idle(workers: int) -> list[int]:
    """Return the processes that Ray gives so many tasks at once, which ran others before."""

    def process() -> int:
        time.sleep(1)
        return os.getpid()

    return sorted(ray.get([ray.remote(process).remote() for _ in range(workers)]))


def layout(home: Path, smoke: bool) -> dict[str, Any]:
    """Measure what one process does of vectors that are encoded, in seconds of a processor.

    A slice is written, and segments are laid out of all: one, which nobody can share, or eight.
    """
    documents, _ = vectors(SMALLER, smoke)
    n = documents.shape[0]
    taken = {}
    for segments in (1, 8):
        folder, settings = (
            home / str(segments),
            {"shards": None, "segment_documents": -(-n // segments)},
        )
        folder.mkdir()
        ends = [*range(0, n, SLICE_DOCUMENTS), n]
        counts = tuple(int(size) for size in np.diff(ends))
        job = Job(str(folder), str(folder / "out"), settings, {}, "", (), counts, {})
        job.save()
        began = time.process_time()
        for number, (start, end) in enumerate(pairwise(ends)):
            ids = Ids.of([str(row) for row in range(start, end)])
            part = canonical(documents[start:end])
            write_encoded(job.encoded(number), Encoded(part, ids, None))
        taken["slices"] = time.process_time() - began
        began = time.process_time()
        for number in range(segments):
            lay_out(job.home, job.key, number)
        taken[f"{segments} of {n // segments:,}"] = time.process_time() - began
    return {"documents": n, "processor_seconds": taken, "targets": []}


def recall(home: Path, smoke: bool) -> dict[str, Any]:
    """Measure the recall over all shards, of which each is asked for one.

    No cluster is needed for it: each shard is an index, and the merge is the client's.
    """
    documents, queries = vectors(LARGER, smoke)
    least = Index.build(documents).search(queries, 10).scores[:, -1:]
    found: dict[str, dict[str, float]] = {}
    for shards in (1, 4, 16):
        every = [Index.build(part) for part in split(documents, shards)]
        deal = Deal(range(shards), map(len, every))
        for asked in (0.9, 0.95, 0.99):
            answers = {
                at: index.search(queries, 10, recall=asked) for at, index in enumerate(every)
            }
            scores = best(answers, deal, queries.shape[0], 10).scores
            found.setdefault(str(asked), {})[str(shards)] = float((scores >= least).mean())
    return {
        "documents": documents.shape[0],
        "recall": found,
        "targets": [],
    }


def threshold(home: Path, smoke: bool) -> dict[str, Any]:
    """Measure what a shard saves that knows the k-th score of three others before it begins.

    It is the most that passing thresholds between shards can bring: here the others have ended.
    """
    documents, queries = vectors(LARGER, smoke)
    shards = [Index.build(part) for part in split(documents, 4)]
    shares: dict[str, float] = {}
    for k in (10, 100):
        others = [index.search(queries, k).scores for index in shards[:-1]]
        known = np.sort(np.concatenate(others, axis=1), axis=1)[:, ::-1][:, k - 1]
        plain, told = [], []
        for i in range(queries.shape[0]):
            for least, taken in ((-np.inf, plain), (known[i], told)):
                taken.append(least_time(shards[-1], queries[[i]], k, least))
        shares[str(k)] = float(np.sum(told) / np.sum(plain))
    return {
        "documents": documents.shape[0],
        "time_with_threshold": shares,
        "targets": [],
    }


def least_time(index: Index, query: Any, k: int, least: float) -> float:
    """Return the shortest of three searches that begin with k results of a score, in seconds."""
    queries, searcher = canonical(query), index._snapshot._searcher
    ((leaves, plan_ptr, plans),) = index._snapshot._plans_for(k, None)
    times = []
    for _ in range(3):
        rows = np.full((1, k), np.iinfo(np.int64).max if least > 0 else -1)
        scores = np.full((1, k), least, np.float32)
        scratch = searcher.take()
        began = time.perf_counter()
        search_many(
            leaves, queries.indptr, queries.columns, queries.weights, NO_FILTER,
            plan_ptr, plans, scratch, True, rows, scores,
        )  # fmt: skip
        times.append(time.perf_counter() - began)
        searcher.give(scratch)
    return min(times)


def split(documents: Any, parts: int) -> list[Any]:
    """Return equal runs of documents."""
    ends = np.linspace(0, documents.shape[0], parts + 1).astype(int)
    return [scipy.sparse.csr_array(documents[a:b]) for a, b in pairwise(ends)]


def pin_process(process: int, core: int) -> None:
    """Let all threads of a process run on one core alone."""
    for thread in os.listdir(f"/proc/{process}/task"):
        os.sched_setaffinity(int(thread), {core})


def wait(index: DistributedIndex, without: str = "") -> None:
    """Wait until all replicas are there, and none is on a node."""
    until = time.monotonic() + LONG
    while without in index.nodes or not index.strong:
        if time.monotonic() > until:
            raise TimeoutError(f"{index} did not come to full strength: {index.nodes}")
        time.sleep(0.05)


PARTS: dict[str, Part] = {
    "latency": latency,
    "throughput": throughput,
    "kill": kill,
    "build": build,
    "layout": layout,
    "recall": recall,
    "threshold": threshold,
}


if __name__ == "__main__":
    run(PARTS, RESULT, __doc__)
