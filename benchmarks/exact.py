"""How fast is exact search? Against engines that are exact too, on real SPLADE vectors.

One process pinned to one core, one query a call, engines in turns. Writes results/exact.json.

    python benchmarks/exact.py [--documents 131072] [--queries 500]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from corpus import corpus
from peers import Qdrant, Rarefy, Scipy, SpladeIndex
from timing import interleaved, pin, recall

from rarefy.eval.environment import environment

RESULT = Path(__file__).parent / "results" / "exact.json"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=131_072)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--k", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    pin()
    collection = corpus()
    documents = collection.documents.tocsr()[: options.documents]
    engines: list[Any] = []
    builds = []
    Rarefy(documents[:100])  # compiles
    for engine in (Rarefy, Qdrant, SpladeIndex, Scipy):
        began = time.perf_counter()
        engines.append(engine(documents))
        builds.append(time.perf_counter() - began)
    tables = []
    for name, matrix in collection.queries.items():
        queries = matrix.tocsr()[: options.queries]
        for k in options.k:
            figures, rows = interleaved(engines, queries, k)
            tables.append(
                {
                    "queries": name,
                    "k": k,
                    "count": queries.shape[0],
                    "query_nnz": queries.nnz / queries.shape[0],
                    "engines": [
                        {
                            "name": engine.name,
                            "search_us": figure,
                            "times_rarefy": figure["mean"] / figures[0]["mean"],
                            "recall": recall(found, rows[0]),
                            "build_s": build,
                        }
                        for engine, figure, found, build in zip(
                            engines, figures, rows, builds, strict=True
                        )
                    ],
                }
            )
            print(json.dumps(tables[-1], indent=1))
    engines[1].close()
    result = {
        "collection": {**collection.facts, "documents": documents.shape[0]},
        "environment": environment(),
        "index_bytes_per_posting": engines[0].index.nbytes / documents.nnz,
        "tables": tables,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
