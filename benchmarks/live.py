"""Is a live index quick? Freshness, ingest, search meanwhile, many segments, opening, disk.

Vectors are those of the other benchmarks of the index: real ones, and synthetic ones beyond
131,072. Each part writes its figures and its targets into results/live.json. Writers and readers
that run at once are processes of their own; two cores are needed for that part to mean anything.

    python benchmarks/live.py                     all parts
    python benchmarks/live.py freshness ingest    some
    python benchmarks/live.py --smoke --out PATH  a toy, in seconds
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing import Event, Process
from multiprocessing.synchronize import Event as Flag
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from corpus import corpus, toy
from parts import Part, run
from synthetic import synthetic
from targets import LARGER, SMALLER, row
from timing import Run, interleaved

from rarefy.index import Index, Writer
from rarefy.index.storage.deletions import write_alive
from rarefy.index.storage.files import Files
from rarefy.index.storage.manifest import Manifest, publish, read_newest, sweep
from rarefy.index.storage.segment import write_segment
from rarefy.index.warmup import warm_up

RESULT = Path(__file__).parent / "results" / "live.json"
BATCH = 1000
SEGMENTS, DELETED = 10, 0.2
QUERIES = 500
WRITERS = {"another process": Process, "another thread": Thread}


def documents_of(size: int, smoke: bool) -> Any:
    """Return vectors of that many documents, csr float32[n, V]; of a toy's 2,000 if it is one."""
    if smoke:
        return toy().documents
    return corpus().documents.tocsr()[:size] if size <= SMALLER else synthetic(size)


def queries_of(smoke: bool) -> Any:
    """Return queries, csr float32[m, V]."""
    return (toy() if smoke else corpus()).queries["medium"].tocsr()[:QUERIES]


def spread(seconds: list[float]) -> dict[str, float]:
    """Return what is written of times, in milliseconds."""
    times = np.array(seconds) * 1e3
    p50, p99 = np.percentile(times, [50, 99])
    return {"p50": float(p50), "p99": float(p99), "most": float(times.max()), "count": len(times)}


def batches(documents: Any, ids: list[str]) -> Iterator[tuple[list[str], Any]]:
    """Yield documents a thousand at a time."""
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH], documents[start : start + BATCH]


def freshness(home: Path, smoke: bool) -> dict[str, Any]:
    """Upsert one document, commit, refresh, find it; again and again."""
    documents = documents_of(SMALLER, smoke)
    Index.build(documents).save(home / "index")
    reader = Index.open(home / "index")
    rng = np.random.default_rng(0)
    taken: list[float] = []
    with Writer(home / "index") as writer:
        for i in range(20 if smoke else 500):
            vector = documents[[int(rng.integers(len(reader)))]]
            vector.data = vector.data * np.float32(2)  # its own best match
            began = time.perf_counter()
            writer.upsert([f"new {i}"], vector)
            writer.commit()
            reader.refresh()
            hits = reader.search(vector, k=10)
            taken.append(time.perf_counter() - began)
            assert f"new {i}" in hits.ids[0]
    times = spread(taken)
    return {
        "documents": documents.shape[0],
        "milliseconds": times,
        "targets": [
            row("upsert of one document to its being found, p50, ms", "<=", 50, times["p50"]),
            row("the same, p99, ms", "<=", 50, times["p99"]),
        ],
    }


def ingest(home: Path, smoke: bool) -> dict[str, Any]:
    """Write a million documents, a commit a thousand; see what is on disk after a merge."""
    documents = documents_of(LARGER, smoke)
    n = documents.shape[0]
    ids = list(map(str, range(n)))
    step = n // 10
    marks: list[float] = []
    began = time.perf_counter()
    writer = Writer(home / "index", vocabulary_size=documents.shape[1])
    for done, (names, vectors) in enumerate(batches(documents, ids), 1):
        writer.upsert(names, vectors)
        writer.commit()
        if done * BATCH >= step * (len(marks) + 1):
            marks.append(time.perf_counter() - began)
    rates = (step / np.diff([0.0, *marks])).tolist()
    began = time.perf_counter()
    writer.merge()
    merge_s = time.perf_counter() - began
    writer.close()
    manifest = read_newest(home / "index")
    at_once = folder_bytes(home / "index")
    sweep(Files(), home / "index", [manifest], at_once=True)
    merged = folder_bytes(home / "index")
    Index.build(documents, ids=ids).save(home / "fresh")
    fresh = folder_bytes(home / "fresh")
    return {
        "documents": n,
        "nnz": documents.nnz / n,
        "documents_per_second_by_tenth": rates,
        "merge_s": merge_s,
        "bytes": {"after the merge": at_once, "swept": merged, "fresh build": fresh},
        "targets": [
            row("documents/s, first tenth", ">=", 20_000, rates[0]),
            row("slowest tenth / first", ">=", 0.5, min(rates) / rates[0]),
            row("disk after a merge / a fresh build", "<=", 1.05, merged / fresh),
        ],
    }


def folder_bytes(folder: Path) -> int:
    """Return the bytes of a folder's files."""
    return sum(path.stat().st_size for path in folder.iterdir())


def meanwhile(home: Path, smoke: bool) -> dict[str, Any]:
    """Search a quiet index, and one whose documents are replaced a thousand a commit."""
    documents, queries = documents_of(SMALLER, smoke), queries_of(smoke)
    Index.build(documents).save(home / "index")
    index = Index.open(home / "index")
    times = {"quiet": searched(index, queries, 3)}
    commits, targets = {}, []
    for name, kind in WRITERS.items():
        over, running = Event(), Event()
        writer = kind(target=replace_until, args=(home / "index", documents, running, over))
        writer.start()
        running.wait()
        before = read_newest(home / "index").generation
        try:
            times[name] = searched(index, queries, 2 if smoke else 20)
        finally:
            over.set()
            writer.join()
        commits[name] = read_newest(home / "index").generation - before
        ratio = times[name]["search"]["p99"] / times["quiet"]["search"]["p99"]
        targets.append(row(f"search while {name} ingests and merges, p99 / quiet", "<=", 2, ratio))
    return {
        "documents": documents.shape[0],
        "commits": commits,
        "milliseconds": times,
        "targets": targets,
    }


def searched(index: Index, queries: Any, rounds: int) -> dict[str, Any]:
    """Return the times of searches, and of those refreshes between them that found a commit."""
    rows = [queries[[i]] for i in range(queries.shape[0])]
    searches, refreshes = [], []
    for query in rows * rounds:
        began = time.perf_counter()
        moved = index.refresh()
        refreshed = time.perf_counter()
        index.search(query, k=10)
        searches.append(time.perf_counter() - refreshed)
        if moved:
            refreshes.append(refreshed - began)
    return {"search": spread(searches), "refresh": spread(refreshes) if refreshes else None}


def replace_until(folder: Path, documents: Any, running: Flag, over: Flag) -> None:
    """Replace documents, a thousand a commit, time after time."""
    rng = np.random.default_rng(0)
    with Writer(folder) as writer:
        while not over.is_set():
            rows = rng.choice(documents.shape[0], BATCH, replace=False)
            writer.upsert(list(map(str, rows.tolist())), documents[rows])
            writer.commit()
            running.set()


def segments(home: Path, smoke: bool) -> dict[str, Any]:
    """Search ten segments with a fifth of their documents deleted, and what they merge to."""
    documents, queries = documents_of(SMALLER, smoke), queries_of(smoke)
    n = documents.shape[0]
    rng = np.random.default_rng(0)
    entries = []
    home.joinpath("many").mkdir()
    for piece in np.array_split(np.arange(n), SEGMENTS):
        built = Index.build(documents[piece], ids=list(map(str, piece.tolist())))
        entry = write_segment(Files(), home / "many", built._segment())
        alive = rng.random(len(piece)) >= DELETED
        file = write_alive(Files(), home / "many", alive)
        entries.append(entry._replace(deletions=file, deleted=int((~alive).sum())))
    publish(Files(), home / "many", Manifest(1, documents.shape[1], tuple(entries)))
    many = Index.open(home / "many")
    many.save(home / "one")
    one = Index.open(home / "one")
    assert len(one) == len(many)
    modes = {"exact": None, "recall=0.95": 0.95}
    runs = [
        Run(Opened(name, index, recall), queries, 10)
        for recall in modes.values()
        for name, index in (("one segment", one), ("ten segments", many))
    ]
    figures, _ = interleaved(runs)
    table = {
        name: {"one": figures[2 * i], "ten": figures[2 * i + 1]} for i, name in enumerate(modes)
    }
    return {
        "documents": len(many),
        "search_us": table,
        "targets": [
            row(
                f"ten segments with 20% deleted / one merged, {name}, mean", "<=", 1.5,
                table[name]["ten"]["mean"] / table[name]["one"]["mean"],
            )
            for name in modes
        ],
    }  # fmt: skip


class Opened:
    """An index that is open, searched in one way."""

    def __init__(self, name: str, index: Index, recall: float | None) -> None:
        self.name, self.index, self.recall = name, index, recall
        self.settings, self.build_s = {"recall": recall}, 0.0

    def prepare(self, query: Any) -> Any:
        return query

    def search(self, query: Any, k: int) -> Any:
        return self.index.search(query, k=k, recall=self.recall).rows[0]


def opening(home: Path, smoke: bool) -> dict[str, Any]:
    """Open a million documents in a new process, pages dropped from memory, and search."""
    documents, queries = documents_of(LARGER, smoke), queries_of(smoke)
    index = Index.build(documents)
    index.save(home / "index")
    hits = index.search(queries[:100], k=10)
    np.savez(home / "queries.npz", rows=hits.rows, dense=queries[:100].toarray())
    size, n = folder_bytes(home / "index"), documents.shape[0]
    del index, documents
    for path in (home / "index").iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    command = [sys.executable, __file__, "--open", str(home)]
    figures = []
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        figures.append(json.loads(done.stdout))
    cold, warm = figures
    return {
        "documents": n,
        "index_bytes": size,
        "cold": cold,
        "warm": warm,
        "targets": [
            row("open, pages not in memory, ms", "<=", 100, cold["open_ms"]),
            row("resident after 100 queries / bytes of the index", "<=", 1, cold["touched"] / size),
        ],
    }


def open_and_search(home: Path) -> None:
    """Print what opening, a first query and a hundred cost, in a process of their own."""
    import scipy.sparse

    stored = np.load(home / "queries.npz")
    queries = scipy.sparse.csr_array(stored["dense"])
    warm_up()
    before = resident()
    began = time.perf_counter()
    index = Index.open(home / "index", verify=False)
    opened = time.perf_counter() - began
    after_open = resident()
    first = index.search(queries[[0]], k=10).rows
    searched = time.perf_counter() - began - opened
    assert (first == stored["rows"][:1]).all()
    assert (index.search(queries, k=10).rows == stored["rows"]).all()
    figures = {
        "open_ms": opened * 1e3,
        "first_query_ms": searched * 1e3,
        "resident_after_open": after_open - before,
        "touched": resident() - before,
    }
    print(json.dumps(figures))


def resident() -> int:
    """Return the bytes that this process has in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


PARTS: dict[str, Part] = {
    "freshness": freshness,
    "ingest": ingest,
    "meanwhile": meanwhile,
    "segments": segments,
    "opening": opening,
}


if __name__ == "__main__":
    warm_up()
    if sys.argv[1:2] == ["--open"]:
        open_and_search(Path(sys.argv[2]))
    else:
        run(PARTS, RESULT, __doc__)
