"""How fast is search, exact and approximate? Against other engines, on SPLADE vectors.

One process pinned to one core, one query a call, engines in turns. Approximate engines are measured
at every setting of a grid; S(r) is the best mean time of Seismic at a recall of r or more. rarefy's
recall is calibrated with queries that are not among those timed. Writes results/engine.json and
results/engine.svg, and prints the table of targets. Any other number of documents than that of the
real collection is grown from it (see synthetic.py); the results are then engine-N.json and .svg.

    python benchmarks/engine.py [--peers Seismic scipy]
    python benchmarks/engine.py --documents 1048576 --peers Seismic
    python benchmarks/engine.py --smoke --out PATH     a toy, in seconds
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from corpus import DOCUMENTS, Corpus, corpus, heaviest, toy
from curve import draw
from engines import PEERS, Engine, Rarefy, open_peers
from filters import filtered
from synthetic import synthetic
from targets import LONGEST, targets, targets_table
from timing import Run, hits, interleaved, pin

from rarefy.eval.environment import environment
from rarefy.index.warmup import warm_up

RESULTS = Path(__file__).parent / "results"
RECALLS = (0.9, 0.95, 0.99)
ROUNDING = 1e-3
"""A peer's hit may score this share less than the k-th best: engines that round weights lose no
recall by ties. rarefy's may not."""


def compared(ours: list[Rarefy], peers: list[Engine], documents: Any, queries: Any) -> list[Any]:
    """Time everything at k = 10 on the same queries."""
    engines = [*ours, *peers]
    figures, rows = interleaved([Run(engine, queries, 10) for engine in engines])
    split = len(ours)
    recalls = [
        *hits(rows[:split], documents, queries, 10, 1e-6),
        *hits(rows[split:], documents, queries, 10, ROUNDING),
    ]
    return [
        {
            "name": engine.name,
            "settings": engine.settings,
            "recall": recall,
            "search_us": figure,
            "build_s": engine.build_s,
        }
        for engine, figure, recall in zip(engines, figures, recalls, strict=True)
    ]


def shapes(ours: list[Rarefy], queries: dict[str, Any]) -> list[Any]:
    """Time rarefy for every k and length of queries, all in turns."""
    wanted = [("medium", 10), ("medium", 100), ("medium", 1000)]
    wanted += [("short", 10), ("longest", 10), ("long", 10)]
    cases = [(engine, name, k) for engine in ours for name, k in wanted]
    figures, _ = interleaved([Run(engine, queries[name], k) for engine, name, k in cases])
    return [
        {
            "name": engine.name,
            "queries": name,
            "query_nnz": queries[name].nnz / queries[name].shape[0],
            "k": k,
            "search_us": figure,
        }
        for (engine, name, k), figure in zip(cases, figures, strict=True)
    ]


def compact(ours: Rarefy, documents: Any, queries: Any) -> dict[str, float]:
    """Time exact search over 8-bit weights beside exact search, at k = 10."""
    small = Rarefy(documents, compact=True)
    figures, _ = interleaved([Run(ours, queries, 10), Run(small, queries, 10)])
    exact_us, compact_us = (figure["mean"] for figure in figures)
    return {
        "index_bytes_per_posting": small.index.nbytes / documents.nnz,
        "over_exact": compact_us / exact_us,
    }


def two_threads(ours: Rarefy, queries: Any, rounds: int = 7) -> dict[str, float] | None:
    """Time a batch on one thread and on two, in turns; None where there is one core."""
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        return None
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds + 1):
        for threads, taken in seconds.items():
            began = time.perf_counter()
            ours.index.search(queries, threads=threads)
            taken.append(time.perf_counter() - began)
    one, two = (float(np.median(taken[1:])) for taken in seconds.values())
    return {"queries": queries.shape[0], "one_s": one, "two_s": two, "ratio": one / two}


def measure(collection: Corpus, peers: list[str], count: int) -> dict[str, Any]:
    """Build and time all engines, on a number of queries; the rest are for calibration."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    pin()
    documents = collection.documents.tocsr()
    timed = {name: matrix.tocsr()[:count] for name, matrix in collection.queries.items()}
    medium = collection.queries["medium"].tocsr()
    half = min(count, medium.shape[0] // 2)
    timed["medium"] = medium[:half]
    timed["longest"] = heaviest(timed["long"], LONGEST)
    warm_up()
    exact = Rarefy(documents, calibration_queries=medium[half:])
    ours = [exact, *(exact.at(recall) for recall in RECALLS)]
    others = open_peers(documents, peers)
    engines = compared(ours, others, documents, timed["medium"])
    result = {
        "collection": collection.facts,
        "environment": environment(),
        "query_nnz": timed["medium"].nnz / half,
        "queries": half,
        "engines": engines,
        "shapes": shapes(ours, timed),
        "filters": filtered(exact, timed["medium"]),
        "index_bytes_per_posting": exact.index.nbytes / documents.nnz,
        "compact": compact(exact, documents, timed["medium"]),
    }
    if cores is not None:
        os.sched_setaffinity(0, cores)
    result["two_threads"] = two_threads(exact, medium)
    result["targets"] = targets(result, documents.shape[0])
    for engine in others:
        if hasattr(engine, "close"):
            engine.close()
    return result


def of_size(documents: int) -> Corpus:
    """Return the real collection, or one of another size that is grown from it."""
    collection = corpus()
    if documents == DOCUMENTS:
        return collection
    facts = {**collection.facts, "kind": "synthetic", "documents": documents}
    return collection._replace(documents=synthetic(documents), facts=facts)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--peers", nargs="*", default=[peer.name for peer in PEERS])
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.smoke:
        collection, options.peers = toy(), ["scipy"]
    else:
        collection = of_size(options.documents)
    name = "engine" if options.documents == DOCUMENTS else f"engine-{options.documents}"
    out = options.out or RESULTS / f"{name}.json"
    result = measure(collection, options.peers, options.queries)
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draw(result, out.with_suffix(".svg"))
    size = f"{collection.facts['documents']:,} documents"
    print(targets_table([(size, result["targets"])]))


if __name__ == "__main__":
    main()
