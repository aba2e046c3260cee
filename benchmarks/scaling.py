"""How does the cost of a query grow? With documents, with the query's terms, with k.

Real documents up to 131,072, synthetic ones beyond (see synthetic.py). Each size is measured in a
process of its own on one pinned core, one query a call, all settings in turns. A model of the cost
is fitted to exact search and to each recall, and extrapolated to larger collections. At some sizes
Seismic is measured too, at every search setting of one build. Writes results/scaling.json and
results/scaling.svg, and prints the targets for growth.

    python benchmarks/scaling.py [--sizes 10000 ...] [--seismic 131072 ...]
    python benchmarks/scaling.py --smoke --out PATH     a toy, in seconds
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from corpus import corpus, heaviest, toy
from costs import fit, predict
from engines import ONE_SEISMIC, Rarefy, open_peers
from growth import draw, growth_table
from synthetic import synthetic
from targets import LARGER, LARGEST, SMALLER, growth_targets, targets_table
from timing import Run, interleaved, pin, recall

from rarefy.eval.environment import environment
from rarefy.index.warmup import warm_up

RESULT = Path(__file__).parent / "results" / "scaling.json"
SIZES = (10_000, 32_768, 131_072, 262_144, 1_048_576, 4_194_304)
FURTHER = (8_841_823, 138_364_198)
"""Passages of MS MARCO, version 1 and 2."""
RECALLS = (None, 0.95, 0.99)
KS = (1, 3, 10, 30, 100, 300, 1000)
NNZ = (5, 10, 20, 40, 70, 100)
FREQUENT = 0.04
"""Share of the documents from which a term costs cells, not postings."""
NEAR = 0.8
"""Documents that reach this share of the k-th score stand for the candidates."""
DEEPEST = 4000


def main() -> None:
    """Measure each size in a process of its own, then fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument(
        "--seismic", type=int, nargs="*", default=(SMALLER, LARGER, LARGEST),
        help="sizes at which it is measured; its index is built if it is not kept",
    )  # fmt: skip
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)  # what a child process measures
    options = parser.parse_args()
    pin()
    if options.one:
        measured = measure(
            options.one, options.queries, options.one in options.seismic, options.smoke
        )
        options.out.write_text(json.dumps(measured))
        return
    sizes = [500, 1000, 2000] if options.smoke else sorted(options.sizes)
    collections = []
    for size in sizes:
        collections.append(in_child(size, options))
        print(growth_table(collections[-1:]))
    models = {name: fit(collections, name) for name in map(mode, RECALLS)}
    result = {
        "collection": (toy() if options.smoke else corpus()).facts,
        "environment": environment(),
        "collections": collections,
        "models": models,
        "predictions": [
            {
                "documents": n,
                **{name: predict(model, collections, name, n) for name, model in models.items()},
            }
            for n in FURTHER
        ],
    }
    result["targets"] = growth_targets(result)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    draw(result, options.out.with_suffix(".svg"))
    print(targets_table([("growth", result["targets"])]))
    print(growth_table(collections), json.dumps(result["predictions"], indent=1), sep="\n")


def in_child(size: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return what a child process measures."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "one.json"
        command = [
            sys.executable, __file__, "--one", str(size), "--out", str(out),
            "--queries", str(options.queries), "--seismic", *map(str, options.seismic),
        ]  # fmt: skip
        subprocess.run(command + ["--smoke"] * options.smoke, check=True)
        return json.loads(out.read_text())


def measure(size: int, count: int, seismic: bool, smoke: bool) -> dict[str, Any]:
    """Build one collection's index and time all settings."""
    collection = toy() if smoke else corpus()
    real = collection.documents.tocsr()
    warm_up()
    documents = real[:size] if size <= real.shape[0] else synthetic(size)
    queries = {name: matrix.tocsr()[:count] for name, matrix in collection.queries.items()}
    calibration = collection.queries["medium"].tocsr()[count:]
    del collection, real
    held = csr_bytes(documents)
    before = reset_peak()
    engine = Rarefy(documents, calibration)
    peak = peak_bytes() - before + held
    runs, labels = settings(engine, queries)
    figures, found_rows = interleaved(runs)
    rows = [[[row for row in best if row >= 0] for best in found] for found in found_rows]
    exact = {
        label["shape"]: r for label, r in zip(labels, rows, strict=True) if label["mode"] == "exact"
    }
    features = {
        shape: mean_features(engine, documents, run)
        for run, label in zip(runs, labels, strict=True)
        if label["mode"] == "exact"
        for shape in [label["shape"]]
    }
    others = open_peers(documents, peers=[ONE_SEISMIC]) if seismic else []
    peer_runs = [Run(other, queries["medium"], 10) for other in others]
    other_figures, other_rows = interleaved(peer_runs) if others else ([], [])
    truth = exact["k=10"]
    return {
        "documents": documents.shape[0],
        "kind": "real" if size <= 131_072 else "synthetic",
        "postings": int(documents.nnz),
        "build_s": engine.build_s,
        "build_peak_over_csr": peak / held,
        "bytes_per_posting": engine.index.nbytes / documents.nnz,
        "features": features,
        "times": [
            {**label, "search_us": figure, "recall": recall(found, exact[label["shape"]])}
            for label, figure, found in zip(labels, figures, rows, strict=True)
        ],
        "peers": [
            {
                "name": other.name, "settings": other.settings, "search_us": figure,
                "recall": recall(found, truth), "build_s": other.build_s,
            }
            for other, figure, found in zip(others, other_figures, other_rows, strict=True)
        ],
    }  # fmt: skip


def settings(engine: Rarefy, queries: dict[str, Any]) -> tuple[list[Run], list[dict[str, Any]]]:
    """Return all runs, and their labels: mode, shape (what is varied), k and non-zeros."""
    runs, labels = [], []
    shapes = [(f"k={k}", queries["medium"], k) for k in KS]
    long = longest(queries["long"])
    shapes += [(f"nnz={nnz}", heaviest(long, nnz), 10) for nnz in NNZ]
    for level in RECALLS:
        chosen = engine if level is None else engine.at(level)
        for shape, vectors, k in shapes:
            runs.append(Run(chosen, vectors, k))
            nnz = vectors.nnz / vectors.shape[0]
            labels.append({"mode": mode(level), "shape": shape, "k": k, "nnz": nnz})
    return runs, labels


def mode(level: float | None) -> str:
    """Return what a recall is called in the results."""
    return "exact" if level is None else f"recall={level}"


def longest(queries: Any) -> Any:
    """Return those queries that have as many terms as the most asked for."""
    counts = np.diff(queries.indptr)
    return queries[np.flatnonzero(counts >= min(max(NNZ), counts.max()))]


def mean_features(engine: Rarefy, documents: Any, run: Run) -> dict[str, float]:
    """Return what the model of the cost counts, means over the queries.

    `cells`: documents times frequent terms; `postings` of the other terms; `candidates`: documents
    that come near the k-th score.
    """
    n = documents.shape[0]
    frequency = np.bincount(documents.indices, minlength=documents.shape[1])
    of_terms = frequency[run.queries.indices]
    m = run.queries.shape[0]
    frequent = of_terms >= FREQUENT * n
    scores = engine.index.search(run.queries, k=min(n, DEEPEST)).scores
    least = scores[:, [min(run.k, scores.shape[1]) - 1]]
    return {
        "cells": float(frequent.sum()) * n / m,
        "postings": float(of_terms[~frequent].sum()) / m,
        "candidates": float(((scores >= NEAR * least) & (scores > 0)).sum()) / m,
    }


def csr_bytes(matrix: Any) -> int:
    """Return the bytes of a CSR matrix."""
    return matrix.indptr.nbytes + matrix.indices.nbytes + matrix.data.nbytes


def reset_peak() -> int:
    """Forget this process's peak of memory; return the bytes that it holds now."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak_bytes() -> int:
    """Return the most memory that this process has held since `reset_peak`."""
    return _status("VmHWM")


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
