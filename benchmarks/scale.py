"""What does a shard cost? Counted work, times, bytes and building at several sizes.

    python benchmarks/scale.py --build FOLDER      builds and saves an index of each size
    python benchmarks/scale.py --time FOLDER       counts and times queries over them
    python benchmarks/scale.py --fit               fits and checks the model, simulates a cluster
    python benchmarks/scale.py --smoke --out PATH  all of it as a toy, in seconds

The first two write eval/scale/measured.json, which `rarefy plan` reads; the third writes
results/scale.json and results/scale.svg. Building counts the seconds of the processor, which a busy
machine does not lengthen much; timing wants a quiet one.
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from capacity import (
    cluster_table,
    draw,
    failing_table,
    left_out_table,
    plans,
    plans_table,
    simulated,
    theory_table,
)
from corpus import corpus, heaviest, toy
from synthetic import synthetic
from timing import pin
from timing import recall as recalled

from rarefy.eval.environment import environment
from rarefy.eval.scale import Costs
from rarefy.eval.scale.costs import MEASURED, WORK
from rarefy.index import Index
from rarefy.index.kernels import GROWTH, SEED_BLOCKS, block_ranks
from rarefy.index.planner import plans as settings_of
from rarefy.index.vectors import canonical
from rarefy.index.warmup import warm_up

RESULT = Path(__file__).parent / "results" / "scale.json"
SIZES = {
    10_000: 131_072, 32_768: 131_072, 65_536: 131_072, 131_072: 131_072,
    196_608: 262_144, 262_144: 262_144, 393_216: 1_048_576, 524_288: 1_048_576,
    786_432: 1_048_576, 1_048_576: 1_048_576, 1_572_864: 4_194_304, 2_097_152: 4_194_304,
}  # fmt: skip
"""Documents -> the collection whose first they are; up to 131,072 they are real."""
SMOKE = {500: 2000, 1000: 2000, 2000: 2000}
SHAPES = {
    "k=10": (10, None, None), "k=100": (100, None, None), "nnz=5": (10, 5, None),
    "nnz=15": (10, 15, None), "recall=0.95": (10, None, 0.95), "recall=0.99": (10, None, 0.99),
}  # fmt: skip
"""Name -> how many documents are asked for, how many terms of a query are kept, and the recall."""
QUERIES = 100
WARM = 25
ROUNDS = 9
LISTS = (4, 16, 64, 256)
"""Shards whose answers are merged, and that are asked over sockets."""
DEEP = 10
"""Documents of an answer; each is an id of 16 bytes and a score of four."""


def build(folder: Path, sizes: dict[int, int], smoke: bool) -> list[dict[str, Any]]:
    """Build and save an index of each size, fitted to other queries; return what that took."""
    points = []
    warm_up()
    others = (toy() if smoke else corpus()).queries["medium"].tocsr()[QUERIES:]
    known = 0
    for size, whole in sizes.items():
        if whole != known:
            matrix = (toy(whole).documents if smoke else collection(whole)).tocsr()
            known = whole
        documents = matrix[:size]
        began = time.process_time()
        index = Index.build(documents, calibration_queries=others if others.shape[0] else None)
        seconds = time.process_time() - began
        index.save(folder / str(size))
        points.append(
            {
                "documents": size,
                "kind": "real" if whole <= 131_072 else "synthetic",
                "block_size": index._snapshot.parts[0].segment.block_size,
                "postings": int(documents.nnz),
                "bytes": index.nbytes,
                "build_s": seconds,
            }
        )
        print(points[-1], flush=True)
    return points


def collection(size: int) -> Any:
    """Return the vectors of a collection of this size."""
    return corpus().documents if size <= 131_072 else synthetic(size)


def timed(folder: Path, sizes: dict[int, int], smoke: bool) -> dict[int, dict[str, Any]]:
    """Count and time each shape of query over each index; keys are sizes.

    Sizes and shapes take turns, so that a slow minute falls on all of them. At the start of a turn
    a quarter of the queries goes first, uncounted, and brings back what others drove out of the
    processor's caches.
    """
    medium = (toy() if smoke else corpus()).queries["medium"].tocsr()[:QUERIES]
    opened = {size: Index.open(folder / str(size)) for size in sizes}
    taken: dict[tuple[int, str], list[list[float]]] = {}
    found: dict[int, dict[str, Any]] = {size: {} for size in sizes}
    cut = {shape: medium if nnz is None else heaviest(medium, nnz)
           for shape, (_, nnz, _) in SHAPES.items()}  # fmt: skip
    rows = {shape: [each[[i]] for i in range(each.shape[0])] for shape, each in cut.items()}
    for turn in range(ROUNDS + 1):
        for size, index in opened.items():
            for shape, (k, _, recall) in SHAPES.items():
                times = []
                for row in [*rows[shape][-WARM:], *rows[shape]]:
                    began = time.perf_counter()
                    index.search(row, k=k, recall=recall)
                    times.append(time.perf_counter() - began)
                if turn:  # the first is not counted
                    taken.setdefault((size, shape), []).append(times[-len(rows[shape]) :])
    for (size, shape), times in taken.items():
        k, _, recall = SHAPES[shape]
        each = np.median(times, axis=0) * 1e6
        best, exact = (opened[size].search(cut[shape], k=k, recall=r).rows for r in (recall, None))
        found[size][shape] = {
            "work": work(opened[size], cut[shape], k, recall),
            "mean_us": float(each.mean()),
            "p50_us": float(np.median(each)),
            "p99_us": float(np.percentile(each, 99)),
            "relative": np.percentile(each / each.mean(), range(0, 101, 5)).round(4).tolist(),
            "recall": recalled(best.tolist(), exact.tolist()),
        }
    return found


def work(index: Index, queries: Any, k: int, recall: float | None) -> dict[str, float]:
    """Return what search goes over, counted: means over the queries of each of `WORK`."""
    (part,) = index._snapshot.parts
    layout, size = part.segment.layout, part.segment.block_size
    lengths = np.diff(layout.list_ptr).reshape(-1, len(layout.columns)).sum(axis=0)
    champions = np.diff(layout.champion_ptr) if layout.has_champions else None
    blocks = -(-len(index) // size)
    term_of = np.full(index.vocabulary_size, -1)
    term_of[layout.columns] = np.arange(len(layout.columns))
    settings = settings_of(part.table, k, recall, len(index), len(index))
    vectors, hits = canonical(queries), index.search(queries, k=k)
    searcher = index._snapshot._searcher
    totals = np.zeros(len(WORK))
    scratch = searcher.take()
    for i in range(len(vectors)):
        columns, weights = vectors.row(i)
        terms, products = term_of[columns], weights * 1.0
        products, terms = products[terms >= 0], terms[terms >= 0]
        products = products * layout.scales[terms]
        plan = next((row for row in settings if len(terms) <= row[0]), settings[-1:].ravel())
        mass, looked_at, lone = plan[1:] if len(plan) else (1.0, 0, 0)
        if looked_at:
            order = np.argsort(-products, kind="stable")
            held = np.cumsum(products[order])
            terms = terms[order[: np.searchsorted(held, mass * held[-1]) + 1]]
        if lone:
            totals += [len(terms), 0, 0, 0, 0, champions[terms].sum(), looked_at, k]
            continue
        rounds = 1
        if not looked_at:
            kth = np.maximum(hits.scores[i, -1:], 0)
            ranks, reaching = np.zeros(1, np.int64), np.zeros(1, np.int64)
            block_ranks(
                part.leaf, columns, weights, 1.0, False, scratch, np.zeros(1, np.int64), kth,
                ranks, reaching,
            )  # fmt: skip
            looked_at = max(SEED_BLOCKS, k)
            while looked_at * GROWTH ** (rounds - 1) < reaching[0]:
                rounds += 1
            looked_at = max(int(reaching[0]), looked_at)
        dense = layout.dense_rows[terms] >= 0
        bounded = looked_at * size if size > 1 else 0
        entries = lengths[terms[~dense]].sum()
        cells = dense.sum() * blocks
        totals += [len(terms), blocks, rounds * blocks, cells, entries, 0, bounded, k]
    searcher.give(scratch)
    return dict(zip(WORK, (totals / len(vectors)).tolist(), strict=True))


def merged(counts: tuple[int, ...]) -> list[dict[str, float]]:
    """Time the merge of many shards' best, as processor microseconds."""
    rng, points = np.random.default_rng(0), []
    for lists in counts:
        scores = -np.sort(-rng.random((lists, DEEP), np.float32), axis=1)
        rows = rng.integers(0, 2**40, (lists, DEEP))
        taken = []
        for _ in range(300):
            began = time.perf_counter()
            best = np.argpartition(-scores.ravel(), DEEP)[:DEEP]
            best[np.lexsort((rows.ravel()[best], -scores.ravel()[best]))]
            taken.append(time.perf_counter() - began)
        points.append({"shards": lists, "us": float(np.median(taken) * 1e6)})
    return points


def messages(counts: tuple[int, ...], query_bytes: int = 320) -> list[dict[str, float]]:
    """Time what it takes to ask many and read all answers over local sockets, both ends."""
    points = []
    for shards in counts:
        pairs = [socket.socketpair() for _ in range(shards)]
        chosen = selectors.DefaultSelector()
        for near, _ in pairs:
            chosen.register(near, selectors.EVENT_READ)
        taken = []
        for _ in range(100):
            began = time.perf_counter()
            for near, far in pairs:
                near.send(bytes(query_bytes))
                far.recv(query_bytes)
                far.send(bytes(20 * DEEP))
            left = shards
            while left:
                for key, _ in chosen.select():
                    key.fileobj.recv(20 * DEEP)  # type: ignore[union-attr]
                    left -= 1
            taken.append(time.perf_counter() - began)
        for pair in pairs:
            for end in pair:
                end.close()
        points.append({"shards": shards, "us": float(np.median(taken) * 1e6)})
    return points


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, metavar="FOLDER")
    parser.add_argument("--time", type=Path, metavar="FOLDER")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--measured", type=Path, default=MEASURED)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    pin()
    if options.smoke:
        options.measured = options.out.with_suffix(".measured.json")
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), Path(folder), options.measured, SMOKE, True)
    elif options.build or options.time:
        measure(options.build, options.time, options.measured, SIZES, False)
    if options.fit or options.smoke:
        costs = Costs.measured(options.measured)
        size = (20, 30, 2) if options.smoke else ()
        result = {
            "coefficients": costs.coefficients.tolist(),
            "left_out": costs.left_out(),
            "plans": plans(options.measured),
            "cluster": simulated(costs, *size),
            "environment": environment(),
        }
        options.out.write_text(json.dumps(result, indent=1) + "\n")
        draw(result, costs.points, options.out.with_suffix(".svg"))
        for table in (left_out_table, plans_table, cluster_table, failing_table, theory_table):
            print(table(result), end="\n\n")


def measure(
    built: Path | None, at: Path | None, out: Path, sizes: dict[int, int], smoke: bool
) -> None:
    """Build indexes in a folder, time those in a folder, and add both to what is measured."""
    record = json.loads(out.read_text()) if out.exists() else {}
    if built:
        record["shards"] = build(built, sizes, smoke)
    if at:
        found = timed(at, sizes, smoke)
        for point in record["shards"]:
            point["shapes"] = found[point["documents"]]
        record |= {"merge": merged(LISTS), "messages": messages(LISTS)}
    record["environment"] = environment()
    out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
