"""Qdrant's engine in this process: its exact sparse index, held in memory."""

from __future__ import annotations

import tempfile
import time
from typing import Any

import qdrant_edge as qdrant

__all__ = ["Qdrant"]

BATCH = 4096


class Qdrant:
    """One shard, its files in a temporary folder."""

    name = "Qdrant's engine"

    def __init__(self, documents: Any) -> None:
        self.settings = {"full_scan_threshold": 1, "memory": "pinned"}
        self.folder = tempfile.TemporaryDirectory(prefix="rarefy-qdrant-")
        began = time.process_time()
        config = qdrant.EdgeConfig(
            sparse_vectors={
                "text": qdrant.EdgeSparseVectorParams(
                    full_scan_threshold=1, memory=qdrant.Memory.Pinned
                )
            }
        )
        self.shard = qdrant.EdgeShard.create(self.folder.name, config)
        for start in range(0, documents.shape[0], BATCH):
            points = []
            for row in range(start, min(start + BATCH, documents.shape[0])):
                entries = slice(documents.indptr[row], documents.indptr[row + 1])
                vector = qdrant.SparseVector(
                    documents.indices[entries].tolist(), documents.data[entries].tolist()
                )
                points.append(qdrant.Point(row, {"text": vector}))
            self.shard.update(qdrant.UpdateOperation.upsert_points(points))
        self.shard.optimize()
        self.build_s = time.process_time() - began

    def prepare(self, query: Any) -> Any:
        vector = qdrant.SparseVector(query.indices.tolist(), query.data.tolist())
        return qdrant.Query.Nearest(vector, using="text")

    def search(self, query: Any, k: int) -> Any:
        hits = self.shard.query(qdrant.QueryRequest(limit=k, query=query))
        return [hit.id for hit in hits]

    def close(self) -> None:
        """Remove the engine's files."""
        self.shard.close()
        self.folder.cleanup()
