"""How fast is exact search? Against engines that are exact too, on real SPLADE vectors.

One process pinned to one core, one query a call, engines in turns. Writes results/exact.json.

    python benchmarks/exact.py [--documents 131072] [--queries 500]
    python benchmarks/exact.py --smoke --out PATH      a toy, in seconds
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from corpus import corpus, toy
from engines import Rarefy, open_peers
from timing import Run, interleaved, pin, recall

from rarefy.eval.environment import environment

RESULT = Path(__file__).parent / "results" / "exact.json"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=131_072)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--k", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    pin()
    collection = toy() if options.smoke else corpus()
    documents = collection.documents.tocsr()[: options.documents]
    Rarefy(documents[:100])  # compiles
    ours = Rarefy(documents)
    peers = ["scipy"] if options.smoke else ["Qdrant's engine", "splade-index", "scipy"]
    engines = [ours, *open_peers(documents, peers)]
    tables = []
    for name, matrix in collection.queries.items():
        queries = matrix.tocsr()[: options.queries]
        for k in options.k:
            figures, rows = interleaved([Run(engine, queries, k) for engine in engines])
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
                            "build_s": engine.build_s,
                        }
                        for engine, figure, found in zip(engines, figures, rows, strict=True)
                    ],
                }
            )
            print(json.dumps(tables[-1], indent=1))
    result = {
        "collection": {**collection.facts, "documents": documents.shape[0]},
        "environment": environment(),
        "index_bytes_per_posting": ours.index.nbytes / documents.nnz,
        "tables": tables,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
