"""Dense vectors as bits: in an inverted index, and in FAISS's exhaustive index of bits.

`SignHash` over all-MiniLM-L6-v2, its mean taken of the documents: two columns a bit. Both engines
rank by Hamming distance; beside them the dense vectors, exact. One thread, one query at a time.
Writes results/hashing.json.

    python benchmarks/hashing.py scifact nfcorpus [--keep]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from rarefy.eval import bench, load_collection
from rarefy.eval.environment import environment
from rarefy.sparse import DenseEncoder, SignHash, SparseModel, Vocabulary

RESULT = Path(__file__).parent / "results" / "hashing.json"
BITS = (256, 1024)


def row(system: dict[str, Any], documents: int) -> dict[str, Any]:
    """Return what the table shows of a system."""
    return {
        "ndcg": system["measures"]["nDCG@10"],
        "us": system["search_us"]["p50"],
        "bytes": system["index_bytes"] / documents,
    }


def measure(name: str, encoder: DenseEncoder) -> dict[str, Any]:
    """Compare the engines on one collection."""
    collection = load_collection(name)
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        systems = {"dense": "dense"}
        for bits in BITS:
            head = SignHash(encoder.dimension, bits)
            head.fit(encoder, collection.documents)
            columns = Vocabulary([f"{bit}{sign}" for sign in "+-" for bit in range(bits)])
            place = Path(folder, f"hash-{bits}")
            SparseModel(encoder, head.eval(), vocabulary=columns).save(place)
            systems[str(place)] = f"{bits} bits, inverted index"
            systems[f"{place}:hamming"] = f"{bits} bits, FAISS"
        found = bench(collection, list(systems))
    for system in found["systems"]:
        rows[systems[system["name"]]] = row(system, len(collection.documents))
    return rows


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", nargs="+")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    encoder = DenseEncoder()
    rows = {name: measure(name, encoder) for name in options.collections}
    text = json.dumps({"environment": environment(), "collections": rows}, indent=1)
    if options.keep:
        RESULT.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
