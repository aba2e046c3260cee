"""kANNolo: a proximity graph (HNSW) over sparse vectors; approximate.

A build takes minutes, so that the index and the seconds it took are kept in the cache folder.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import kannolo
import numpy as np

from engines.kept import kept

__all__ = ["Graph", "graphs"]

BUILD = {"m": 32, "ef_construction": 200, "graph_type": "permuted"}
DEPTHS = (10, 20, 40, 80, 160, 320)


class Graph:
    """One depth of search over a built graph."""

    name = "kANNolo"

    def __init__(self, index: Any, build_s: float, depth: int) -> None:
        self.index = index
        self.build_s = build_s
        self.depth = depth
        self.settings = {**BUILD, "ef_search": depth}

    def prepare(self, query: Any) -> Any:
        return query.indices.astype(np.int32), query.data

    def search(self, query: Any, k: int) -> Any:
        _, rows = self.index.search(*query, k, max(self.depth, k))
        return rows


def graphs(documents: Any) -> list[Graph]:
    """Return every depth over one graph."""

    def build(path: Path) -> float:
        began = time.process_time()
        index = kannolo.SparsePlainHNSW.build_from_arrays(
            documents.indices.astype(np.int32),
            documents.data,
            documents.indptr.astype(np.int64),
            **BUILD,
        )
        taken = time.process_time() - began
        index.save(str(path))
        return taken

    path, seconds = kept(documents, {"kannolo": BUILD}, build)
    index = kannolo.SparsePlainHNSW.load(str(path), graph_type=BUILD["graph_type"])
    return [Graph(index, seconds, depth) for depth in DEPTHS]
