"""Learned vectors, BM25, dense vectors and their sum, from one index: quality, times and bytes.

Test collections of BEIR, the model minilm-d2s+bm25+dense fitted to each, the weights that `hybrid`
has by default. A matrix product over the same dense vectors stands beside. Times are of one thread,
without encoding. Writes results/modes.json.

    RAREFY_DATA=... python benchmarks/modes.py [--collections scifact nfcorpus]
    python benchmarks/modes.py --smoke --out PATH        a toy, in seconds
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from timing import pin

import rarefy
from rarefy.eval import Collection, evaluate, load_collection
from rarefy.eval.environment import environment
from rarefy.eval.run import run_from_rows
from rarefy.index import Index
from rarefy.search.modes import HYBRID, mixed, ranked

RESULT = Path(__file__).parent / "results" / "modes.json"
MODEL = "minilm-d2s+bm25+dense"
TOY = 40


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collections", nargs="+", default=["scifact", "nfcorpus"])
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    pin()
    if options.smoke:
        collections = [load_collection("pydocs", limit=TOY)]
    else:
        data = Path(os.environ["RAREFY_DATA"])
        collections = [
            load_collection(str(data / name), split="test") for name in options.collections
        ]
    measured = [measure(collection) for collection in collections]
    result = {"environment": environment(), "model": MODEL, "collections": measured}
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


def measure(collection: Collection) -> dict[str, Any]:
    """Measure each mode on a collection."""
    collection = collection.judged()
    texts = list(collection.documents)
    model: Any = rarefy.load(MODEL).fit(texts)
    vectors = model.encode_documents(texts)
    index = Index.build(vectors)
    alone = Index.build(vectors[:, : model.starts["bm25"]])
    queries = model.encode_parts(list(collection.queries))
    rows = [queries[[i]] for i in range(queries.shape[0])]

    def searched(mode: str) -> Callable[[int], Any]:
        return lambda i: ranked(
            index, model, mixed(index, model, rows[i], mode, None).rows, 10, mode
        )

    found: dict[str, Any] = {}
    for mode in (*model.parts, HYBRID):
        ways = {mode: searched(mode)}
        if mode == "sparse":
            own = [row[:, : model.starts["bm25"]] for row in rows]
            ways["sparse, in an index of its own"] = lambda i, own=own: alone.search(own[i], k=10)
        for name, search in ways.items():
            hits, times = _timed(search, len(rows))
            run = run_from_rows(
                np.concatenate([each.rows for each in hits]),
                np.concatenate([each.scores for each in hits]),
                collection.query_ids,
                collection.document_ids,
            )
            quality = evaluate(run, collection.qrels, "nDCG@10").mean["nDCG@10"]
            found[name] = {"nDCG@10": quality, "search_us": times}
    dense = model.dense.dense
    documents = dense.encode(texts, role="document")
    asked = dense.encode(list(collection.queries), role="query")
    _, times = _timed(lambda i: np.argpartition(-(documents @ asked[i]), 10)[:10], len(rows))
    found["dense, a matrix product"] = {"search_us": times}
    return {
        "name": collection.name,
        "documents": len(texts),
        "bytes_per_document": index.nbytes / len(texts),
        "bytes_per_document_of_sparse_alone": alone.nbytes / len(texts),
        "modes": found,
    }


def _timed(search: Callable[[int], Any], count: int) -> tuple[list[Any], dict[str, float]]:
    """Search for each query three times; return what was found, and percentiles of the medians."""
    times = np.zeros((3, count))
    for turn in range(3):
        found = []
        for i in range(count):
            began = time.perf_counter()
            found.append(search(i))
            times[turn, i] = time.perf_counter() - began
    of_each = np.median(times, axis=0) * 1e6
    return found, {"p50": float(np.median(of_each)), "p99": float(np.percentile(of_each, 99))}


if __name__ == "__main__":
    main()
