"""Engines that add up every posting of the query's terms: scipy and splade-index."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

__all__ = ["Scipy", "SpladeIndex"]


class Scipy:
    """Sparse matrix times sparse vector, columns stored, then a partial sort."""

    name = "scipy, CSC"

    def __init__(self, documents: Any) -> None:
        self.settings: dict[str, Any] = {}
        began = time.process_time()
        self.documents = documents.tocsc()
        self.build_s = time.process_time() - began

    def prepare(self, query: Any) -> Any:
        return query.indices, query.data

    def search(self, query: Any, k: int) -> Any:
        columns, weights = query
        scores = self.documents[:, columns] @ weights
        best = np.argpartition(-scores, k)[:k]
        return best[np.lexsort((best, -scores[best]))]


class SpladeIndex:
    """splade-index with its Numba back end; the encoder is replaced by the given vectors."""

    name = "splade-index, Numba"

    def __init__(self, documents: Any) -> None:
        from splade_index import SPLADE

        self.settings = {"backend": "numba"}
        began = time.process_time()
        columns = documents.tocsc()
        self.engine = SPLADE(backend="numba")
        self.engine.scores = {
            "data": columns.data.astype(np.float32),
            "indices": columns.indices.astype(np.int32),
            "indptr": columns.indptr.astype(np.int32),
            "num_docs": documents.shape[0],
        }
        self.engine.unique_token_ids_set = set(np.flatnonzero(np.diff(columns.indptr)).tolist())
        self.build_s = time.process_time() - began

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
