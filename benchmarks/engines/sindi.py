"""SINDI of VSAG (pyvsag): windows of documents, added up term by term, then rescored."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pyvsag

__all__ = ["Sindi", "sindis"]

BUILD = {
    "use_quantization": False,
    "use_reorder": True,
    "doc_prune_ratio": 0.0,
    "window_size": 60_000,  # the largest that it takes
}
SETTINGS = [
    {"query_prune_ratio": pruned, "term_prune_ratio": 0.0, "n_candidate": candidates}
    for pruned in (0.0, 0.3, 0.5, 0.6, 0.7)
    for candidates in (10, 20, 50)
]


class Sindi:
    """One setting of search over a built index."""

    name = "SINDI"

    def __init__(self, index: Any, build_s: float, setting: dict[str, Any]) -> None:
        self.index = index
        self.build_s = build_s
        self.settings = {**BUILD, **setting}
        self.call = json.dumps({"sindi": setting})

    def prepare(self, query: Any) -> Any:
        return (
            np.array([0, query.nnz], np.uint32),
            query.indices.astype(np.uint32),
            query.data,
        )

    def search(self, query: Any, k: int) -> Any:
        return self.index.knn_search(*query, k, self.call)[0][0]


def sindis(documents: Any) -> list[Sindi]:
    """Return every setting of search over one index."""
    width = documents.shape[1]
    settings = {
        "dtype": "sparse",
        "dim": width,
        "metric_type": "ip",
        "index_param": {**BUILD, "term_id_limit": width},
    }
    pyvsag.set_logger_off()
    began = time.process_time()
    index = pyvsag.Index("sindi", json.dumps(settings))
    index.build(
        index_pointers=documents.indptr.astype(np.uint32),
        indices=documents.indices.astype(np.uint32),
        values=documents.data,
        ids=np.arange(documents.shape[0], dtype=np.int64),
    )
    seconds = time.process_time() - began
    return [Sindi(index, seconds, setting) for setting in SETTINGS]
