"""BMP: blocks of documents in the order of their maxima; exact but for its integer weights."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import bmp
import numpy as np

__all__ = ["BlockMax"]

BLOCK = 32
LARGEST = 255
"""It wraps larger weights around."""


class BlockMax:
    """Weights in 8 bits, documents in the given order, alpha = 1."""

    name = "BMP"

    def __init__(self, documents: Any) -> None:
        self.settings = {"bsize": BLOCK, "compress_range": False, "alpha": 1.0, "beta": 1.0}
        weights = np.rint(documents.data * (LARGEST / documents.data.max())).astype(int).tolist()
        names = [str(column) for column in range(documents.shape[1])]
        columns, indptr = documents.indices.tolist(), documents.indptr.tolist()
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "index.bmp")
            began = time.process_time()
            indexer = bmp.Indexer(path, BLOCK, False)
            for row in range(documents.shape[0]):
                entries = range(indptr[row], indptr[row + 1])
                vector = {names[columns[e]]: weights[e] for e in entries if weights[e]}
                indexer.add_document(str(row), vector)
            indexer.finish()
            self.engine = bmp.Searcher(path)
            self.build_s = time.process_time() - began

    def prepare(self, query: Any) -> Any:
        return dict(zip(map(str, query.indices.tolist()), query.data.tolist(), strict=True))

    def search(self, query: Any, k: int) -> Any:
        rows, _ = self.engine.search(query, k, 1.0, 1.0)
        return rows
