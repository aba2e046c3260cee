"""Dense vectors in FAISS (Douze et al. 2024): exhaustive search, a graph, or quantised lists.

``IndexFlatIP`` is the exact baseline; ``IndexHNSWFlat`` (Malkov & Yashunin 2018) searches a
proximity graph, ``IndexIVFPQ`` (Jégou, Douze & Schmid 2011) a few lists of vectors in 8-bit codes.
All are built in one thread, which makes them the same in every run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError, require
from rarefy.eval.collections.collection import Collection
from rarefy.eval.efficiency import one_core
from rarefy.eval.systems.encoding import in_blocks, timed_encoding
from rarefy.eval.systems.system import Costs, Kind, Ranked

__all__ = ["DenseSystem", "DenseVectors", "faiss_threads"]

_BUILT = {"links": 32, "ef_construction": 40}
_SEARCHED = {"hnsw": {"ef": 64}, "ivfpq": {"nprobe": 8}}


@dataclass(frozen=True)
class DenseVectors:
    """A collection's dense vectors, float32[documents, d] and float32[queries, d].

    Parameters
    ----------
    documents, queries
        One row for each text, in the collection's order.
    description
        What made them.
    docs_per_s, queries_per_s
        As in `rarefy.eval.systems.system.Costs`.
    """

    documents: npt.NDArray[np.float32]
    queries: npt.NDArray[np.float32]
    description: str
    docs_per_s: float | None = None
    queries_per_s: float | None = None

    @classmethod
    def from_encoder(
        cls, encoder: Any, collection: Collection, *, progress: bool = False
    ) -> DenseVectors:
        """Encode a collection with a `rarefy.DenseEncoder`.

        Parameters
        ----------
        encoder
            The encoder.
        collection
            The documents and queries.
        progress
            Whether to show progress bars.
        """

        def encode(texts: Any, role: str) -> npt.NDArray[np.float32]:
            blocks = in_blocks(texts)
            return np.concatenate(
                [encoder.encode(block, role=role, progress=progress) for block in blocks]
            )

        documents, docs_per_s = timed_encoding(
            encoder, lambda: encode(collection.documents, "document")
        )
        queries, queries_per_s = timed_encoding(
            encoder, lambda: encode(collection.queries, "query")
        )
        description = f"{encoder.name}, {documents.shape[1]} dimensions"
        return cls(documents, queries, description, docs_per_s, queries_per_s)


@dataclass(frozen=True)
class DenseSystem:
    """Dense vectors in a FAISS index: see `rarefy.eval.systems.system.System`."""

    name: str
    kind: Kind = field(default="dense", init=False)
    description: str
    costs: Costs
    vectors: None = field(default=None, init=False)
    parts: tuple[str, ...] = field(default=(), init=False)
    settings: dict[str, Any]
    exact: str | None
    index: Any = field(repr=False)
    queries: npt.NDArray[np.float32] = field(repr=False)

    @classmethod
    def from_vectors(
        cls,
        name: str,
        vectors: DenseVectors,
        engine: str = "",
        settings: dict[str, Any] | None = None,
        *,
        exact: str | None = None,
    ) -> DenseSystem:
        """Index a collection's vectors.

        Parameters
        ----------
        name
            Its name in tables.
        vectors
            One row for each document and each query.
        engine
            ``""`` for exhaustive search, ``"hnsw"`` or ``"ivfpq"``.
        settings
            Of the engine: ``links`` (a node's edges on a level, 32) and ``ef`` (64) of the graph;
            ``lists`` (the square root of the number of documents, four times, at most one list for
            39 documents), ``bytes`` (a vector's code, an eighth of the dimensions) and
            ``nprobe`` (8) of the quantised lists.
        exact
            Name of the system with exhaustive search.

        Raises
        ------
        MissingExtraError
            If FAISS is not installed.
        InputError
            If quantised lists are asked for of one document.
        """
        faiss = require("faiss", "eval")
        n, dimension = vectors.documents.shape
        chosen = {**_SEARCHED.get(engine, {}), **(settings or {})}
        with one_core():
            start = perf_counter()
            index: Any
            if engine == "hnsw":
                chosen = {**_BUILT, **chosen}
                index = faiss.IndexHNSWFlat(dimension, chosen["links"], faiss.METRIC_INNER_PRODUCT)
                index.hnsw.efConstruction = chosen["ef_construction"]
            elif engine == "ivfpq":
                chosen = {
                    "lists": max(1, min(4 * math.isqrt(n), n // 39)),
                    "bytes": max(1, dimension // 8),
                    **chosen,
                }
                index = _quantised_lists(faiss, dimension, n, chosen)
                index.train(vectors.documents)
            else:
                index = faiss.IndexFlatIP(dimension)
            index.add(vectors.documents)
            build_s = perf_counter() - start
        kind = type(index).__name__
        told = ", ".join(f"{key}={value}" for key, value in chosen.items())
        return cls(
            name,
            f"{vectors.description}; FAISS {kind}{f' ({told})' if told else ''}",
            Costs(vectors.docs_per_s, vectors.queries_per_s, build_s, _size(faiss, index)),
            chosen,
            exact,
            index,
            vectors.queries,
        )

    def searched(self, name: str, settings: dict[str, Any]) -> DenseSystem:
        """Return the same index with other settings of search."""
        changed = {**self.settings, **settings}
        description = self.description
        for key, value in settings.items():
            description = description.replace(f"{key}={self.settings[key]}", f"{key}={value}")
        return DenseSystem(
            name, description, self.costs, changed, self.exact, self.index, self.queries
        )

    def asked(self, queries: npt.NDArray[np.float32]) -> DenseSystem:
        """Return the same index with other queries, float32[queries, d]."""
        return replace(self, queries=queries)

    def search(self, k: int, *, threads: int = 1, first: int | None = None) -> Ranked:
        """Rank at most `k` documents for every query, or for the `first` so many."""
        with faiss_threads(threads):
            return self._find(self.index, self.queries[:first], k)

    def search_one(self, query: int, k: int) -> Ranked:
        """Rank at most `k` documents for the query in row `query`."""
        rows, scores = self._find(self.index, self.queries[query : query + 1], k)
        return Ranked(rows[0], scores[0])

    def store(self, folder: Path) -> Callable[[], object]:
        """Write the index into a folder, and return what opens it and answers one query."""
        faiss = require("faiss", "eval")
        path = str(folder / "index.faiss")
        faiss.write_index(self.index, path)
        query = self.queries[:1]
        return lambda: self._find(faiss.read_index(path), query, 10)

    def _find(self, index: Any, queries: npt.NDArray[np.float32], k: int) -> Ranked:
        faiss = require("faiss", "eval")
        parameters = None
        if "ef" in self.settings:  # below k, the graph would find fewer than k
            parameters = faiss.SearchParametersHNSW(efSearch=max(k, self.settings["ef"]))
        elif "nprobe" in self.settings:
            parameters = faiss.SearchParametersIVF(nprobe=self.settings["nprobe"])
        scores, rows = index.search(queries, k, params=parameters)
        return Ranked(rows, scores)


@contextmanager
def faiss_threads(threads: int) -> Iterator[None]:
    """Let FAISS use so many threads meanwhile."""
    faiss = require("faiss", "eval")
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _quantised_lists(faiss: Any, dimension: int, n: int, settings: dict[str, Any]) -> Any:
    if n < 2:
        raise InputError(f"there is {n} document; quantised lists (ivfpq) need at least 2")
    bits = min(8, max(1, n.bit_length() - 1))  # no more centroids than there are vectors
    index = faiss.IndexIVFPQ(
        faiss.IndexFlatIP(dimension),
        dimension,
        settings["lists"],
        settings["bytes"],
        bits,
        faiss.METRIC_INNER_PRODUCT,
    )
    # FAISS would print its doubts about small collections.
    index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1
    return index


def _size(faiss: Any, index: Any) -> int:
    """Bytes of the index as FAISS writes it, which is what it holds in memory."""
    writer = faiss.VectorIOWriter()
    faiss.write_index(index, writer)
    return int(writer.data.size())
