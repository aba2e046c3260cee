"""Engines to compare with, each behind the same three lines.

An engine is built from documents, csr float32[n, V]; `prepare` turns a query into what the engine's
own call takes, outside of the timed region; `search` is the timed call and returns rows, best
first.
"""

from __future__ import annotations

import shutil
import tempfile
from typing import Any, Protocol

import numpy as np

from rarefy.index import Index

__all__ = ["Engine", "Qdrant", "Rarefy", "Scipy", "SpladeIndex"]


class Engine(Protocol):
    """One engine over one collection."""

    name: str

    def prepare(self, query: Any) -> Any:
        """Turn one row, csr[1, V], into what `search` takes."""

    def search(self, query: Any, k: int) -> Any:
        """Return the rows of the best k documents, best first."""


class Rarefy:
    """rarefy's exact search through its public call, one query a call."""

    def __init__(self, documents: Any) -> None:
        self.name = "rarefy, exact"
        self.index = Index.build(documents)

    def prepare(self, query: Any) -> Any:
        return query

    def search(self, query: Any, k: int) -> Any:
        return self.index.search(query, k=k).rows[0]


class Scipy:
    """Sparse matrix times sparse vector, columns stored, then a partial sort."""

    def __init__(self, documents: Any) -> None:
        self.name = "scipy, CSC"
        self.documents = documents.tocsc()

    def prepare(self, query: Any) -> Any:
        return query.indices, query.data

    def search(self, query: Any, k: int) -> Any:
        columns, weights = query
        scores = self.documents[:, columns] @ weights
        best = np.argpartition(-scores, k)[:k]
        return best[np.lexsort((best, -scores[best]))]


class SpladeIndex:
    """splade-index with its Numba back end; the encoder is replaced by the given vectors."""

    def __init__(self, documents: Any) -> None:
        from splade_index import SPLADE

        self.name = "splade-index, Numba"
        columns = documents.tocsc()
        self.engine = SPLADE(backend="numba")
        self.engine.scores = {
            "data": columns.data.astype(np.float32),
            "indices": columns.indices.astype(np.int32),
            "indptr": columns.indptr.astype(np.int32),
            "num_docs": documents.shape[0],
        }
        self.engine.unique_token_ids_set = set(np.flatnonzero(np.diff(columns.indptr)).tolist())

    def prepare(self, query: Any) -> Any:
        return query.indices.astype(np.int32), query.data.astype(np.float32)

    def search(self, query: Any, k: int) -> Any:
        from splade_index.numba.retrieve_utils import _retrieve_numba_functional

        columns, weights = query
        rows, _ = _retrieve_numba_functional(
            query_tokens_ids=[columns], query_tokens_weights=[weights],
            scores=self.engine.scores, k=k, sorted=True, return_as="tuple",
            show_progress=False, leave_progress=False, n_threads=1, chunksize=None,
            backend_selection="numba", dtype="float32", int_dtype="int32",
        )  # fmt: skip
        return rows[0]


class Qdrant:
    """Qdrant's engine in this process: its exact sparse index, held in memory."""

    def __init__(self, documents: Any) -> None:
        import qdrant_edge as qdrant

        self.name = "Qdrant's engine"
        self.qdrant = qdrant
        self.folder = tempfile.mkdtemp(prefix="rarefy-qdrant-")
        config = qdrant.EdgeConfig(
            sparse_vectors={
                "text": qdrant.EdgeSparseVectorParams(
                    full_scan_threshold=1, memory=qdrant.Memory.Pinned
                )
            }
        )
        self.shard = qdrant.EdgeShard.create(self.folder, config)
        for start in range(0, documents.shape[0], 4096):
            points = []
            for row in range(start, min(start + 4096, documents.shape[0])):
                entries = slice(documents.indptr[row], documents.indptr[row + 1])
                vector = qdrant.SparseVector(
                    documents.indices[entries].tolist(), documents.data[entries].tolist()
                )
                points.append(qdrant.Point(row, {"text": vector}))
            self.shard.update(qdrant.UpdateOperation.upsert_points(points))
        self.shard.optimize()

    def prepare(self, query: Any) -> Any:
        vector = self.qdrant.SparseVector(query.indices.tolist(), query.data.tolist())
        return self.qdrant.Query.Nearest(vector, using="text")

    def search(self, query: Any, k: int) -> Any:
        hits = self.shard.query(self.qdrant.QueryRequest(limit=k, query=query))
        return [hit.id for hit in hits]

    def close(self) -> None:
        """Remove the engine's files."""
        self.shard.close()
        shutil.rmtree(self.folder, ignore_errors=True)
