"""rarefy itself, through its public call."""

from __future__ import annotations

import time
from typing import Any

from rarefy.index import Index

__all__ = ["Rarefy"]


class Rarefy:
    """One query a call, exact or with a recall.

    Parameters
    ----------
    documents
        csr float32[n, V].
    calibration_queries
        csr[m, V]: what recall is fitted to; by default what `Index.build` makes of documents.
    compact
        Keep weights in 8 bits.
    """

    def __init__(
        self, documents: Any, calibration_queries: Any = None, *, compact: bool = False
    ) -> None:
        began = time.process_time()
        self.index = Index.build(
            documents, calibration_queries=calibration_queries, compact=compact
        )
        self.build_s = time.process_time() - began
        self._choose(None)

    def at(self, recall: float) -> Rarefy:
        """Return the same index, searched with a recall."""
        engine = object.__new__(Rarefy)
        engine.index, engine.build_s = self.index, self.build_s
        engine._choose(recall)
        return engine

    def _choose(self, recall: float | None) -> None:
        self.recall = recall
        self.name = "rarefy, exact" if recall is None else f"rarefy, recall={recall}"
        self.settings = {"recall": recall}

    def prepare(self, query: Any) -> Any:
        return query

    def search(self, query: Any, k: int) -> Any:
        return self.index.search(query, k=k, recall=self.recall).rows[0]
