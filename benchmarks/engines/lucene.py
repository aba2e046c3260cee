"""Lucene's impact search, through Anserini's classes (pyserini's jar) in a JVM in this process.

Weights of documents and queries are rounded to hundredths, as Anserini's own collections are.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from rarefy.eval.systems.java import java

__all__ = ["Lucene"]

SCALE = 100
FIELDS = ("-collection", "JsonVectorCollection", "-generator", "DefaultLuceneDocumentGenerator")
OPTIONS = ("-threads", "1", "-impact", "-pretokenized", "-optimize")


class Lucene:
    """One optimised index, its files in a temporary folder."""

    name = "Lucene, impact"

    def __init__(self, documents: Any) -> None:
        self.settings = {"scale": SCALE, "options": " ".join(OPTIONS)}
        self.autoclass = java()
        self.folder = tempfile.TemporaryDirectory(prefix="rarefy-lucene-")
        texts, index = Path(self.folder.name) / "texts", Path(self.folder.name) / "index"
        texts.mkdir()
        _write(documents, texts / "documents.jsonl")
        began = time.process_time()
        self.autoclass("io.anserini.index.IndexCollection").main(
            [*FIELDS, *OPTIONS, "-input", str(texts), "-index", str(index)]
        )
        self.engine = self.autoclass("io.anserini.search.SimpleImpactSearcher")(str(index))
        self.build_s = time.process_time() - began

    def prepare(self, query: Any) -> Any:
        weights = self.autoclass("java.util.HashMap")()
        integer = self.autoclass("java.lang.Integer")
        for column, weight in zip(query.indices, np.rint(query.data * SCALE), strict=True):
            if weight:
                weights.put(str(column), integer(int(weight)))
        return weights

    def search(self, query: Any, k: int) -> Any:
        return [int(hit.docid) for hit in self.engine.search(query, k)]

    def close(self) -> None:
        """Remove the engine's files."""
        self.folder.cleanup()


def _write(documents: Any, path: Path) -> None:
    """Write vectors as Anserini's lines of JSON."""
    weights = np.rint(documents.data * SCALE).astype(int).tolist()
    columns, indptr = documents.indices.tolist(), documents.indptr.tolist()
    with path.open("w") as file:
        for row in range(documents.shape[0]):
            entries = range(indptr[row], indptr[row + 1])
            vector = {str(columns[e]): weights[e] for e in entries if weights[e]}
            file.write(json.dumps({"id": str(row), "contents": "", "vector": vector}) + "\n")
