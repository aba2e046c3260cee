"""Seismic (pyseismic-lsr): inverted lists in clusters, each with a summary; approximate.

Its fastest call is used: components as numbers instead of strings. A build takes minutes, so that
the indexes and the seconds they took are kept in the cache folder.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import seismic

from engines.kept import kept

__all__ = ["BEST", "BUILDS", "Seismic", "seismics", "seismics_of_best_build"]

BUILDS: Sequence[Mapping[str, Any]] = (
    {"n_postings": 3500, "centroid_fraction": 0.1, "summary_energy": 0.4},
    {"n_postings": 3000, "centroid_fraction": 0.2, "summary_energy": 0.5, "max_fraction": 2},
    {"n_postings": 4000, "centroid_fraction": 0.2, "summary_energy": 0.4, "max_fraction": 6},
)
"""The default, and what the authors' best configurations use."""
BEST = BUILDS[1]
"""The fastest of them on 131,072 documents wherever recall is .85 or more."""
QUERY_CUTS = (3, 4, 5, 6, 7, 8, 10, 12, 15, 20)
HEAP_FACTORS = (0.7, 0.8, 0.9)


class Seismic:
    """One setting of search over a built index."""

    name = "Seismic"

    def __init__(
        self, index: Any, build: Mapping[str, Any], build_s: float, query_cut: int, heap: float
    ) -> None:
        self.index = index
        self.build_s = build_s
        self.query_cut = query_cut
        self.heap_factor = heap
        self.settings = {**build, "query_cut": query_cut, "heap_factor": heap}

    def prepare(self, query: Any) -> Any:
        known = query.indices < self.index.dim  # a component that no document has is refused
        return query.indices[known].astype(np.int32), query.data[known]

    def search(self, query: Any, k: int) -> Any:
        components, values = query
        found = self.index.search(components, values, k, self.query_cut, self.heap_factor, 0, True)
        return [row for _, row in found]


def seismics(documents: Any, builds: Sequence[Mapping[str, Any]] = BUILDS) -> list[Seismic]:
    """Return every search setting over every build."""
    engines = []
    for build in builds:
        index, seconds = _built(documents, build)
        engines += [
            Seismic(index, build, seconds, cut, heap) for cut in QUERY_CUTS for heap in HEAP_FACTORS
        ]
    return engines


def seismics_of_best_build(documents: Any) -> list[Seismic]:
    """Return every search setting over one build: others of millions of documents take hours."""
    return seismics(documents, [BEST])


def _built(documents: Any, settings: Mapping[str, Any]) -> tuple[Any, float]:
    """Return an index and the seconds that its build took."""

    def build(path: Path) -> float:
        with tempfile.NamedTemporaryFile(suffix=".bin") as vectors:
            _write(documents, Path(vectors.name))
            began = time.process_time()
            index = seismic.SeismicIndexRaw.build(vectors.name, **settings)
            taken = time.process_time() - began
        index.save(str(path))
        return taken

    path, seconds = kept(documents, {"seismic": settings}, build)
    return seismic.SeismicIndexRaw.load(str(path)), seconds


def _write(documents: Any, path: Path) -> None:
    """Write vectors in Seismic's format: count; for each its length, components and values."""
    with path.open("wb") as file:
        np.array([documents.shape[0]], np.uint32).tofile(file)
        for start, end in zip(documents.indptr[:-1], documents.indptr[1:], strict=True):
            np.array([end - start], np.uint32).tofile(file)
            documents.indices[start:end].astype(np.uint32).tofile(file)
            documents.data[start:end].astype(np.float32).tofile(file)
