"""Dense vectors and exhaustive search: FAISS IndexFlatIP, the baseline of the sparse systems."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import require
from rarefy.eval.collections.collection import Collection
from rarefy.eval.run import Run, run_from_rows
from rarefy.eval.systems.encoding import timed_encoding
from rarefy.eval.systems.system import Costs, Kind, Ranked

__all__ = ["DenseSystem"]


@dataclass(frozen=True)
class DenseSystem:
    """Dense vectors in a FAISS IndexFlatIP: see `rarefy.eval.systems.system.System`."""

    name: str
    kind: Kind = field(default="dense", init=False)
    description: str
    costs: Costs
    vectors: None = field(default=None, init=False)
    parts: tuple[str, ...] = field(default=(), init=False)
    index: Any = field(repr=False)
    queries: npt.NDArray[np.float32] = field(repr=False)
    collection: Collection = field(repr=False)

    @classmethod
    def from_encoder(
        cls, name: str, encoder: Any, collection: Collection, *, progress: bool = False
    ) -> DenseSystem:
        """Encode and index a collection.

        Parameters
        ----------
        name
            Its name in tables.
        encoder
            A `rarefy.DenseEncoder`.
        collection
            The documents and queries.
        progress
            Whether to show progress bars.

        Raises
        ------
        MissingExtraError
            If FAISS is not installed.
        """
        faiss = require("faiss", "eval")
        documents, docs_per_s = timed_encoding(
            encoder,
            lambda: encoder.encode(collection.documents, role="document", progress=progress),
        )
        queries, queries_per_s = timed_encoding(
            encoder, lambda: encoder.encode(collection.queries, role="query", progress=progress)
        )
        start = perf_counter()
        index = faiss.IndexFlatIP(documents.shape[1])
        index.add(documents)
        build_s = perf_counter() - start
        return cls(
            name,
            f"{encoder.name}, {documents.shape[1]} dimensions; FAISS IndexFlatIP",
            Costs(docs_per_s, queries_per_s, build_s, documents.nbytes),
            index,
            queries,
            collection,
        )

    def search(self, k: int) -> Run:
        """Rank at most `k` documents for every query of the collection."""
        scores, rows = self.index.search(self.queries, k)
        return run_from_rows(rows, scores, self.collection.query_ids, self.collection.document_ids)

    def search_one(self, query: int, k: int) -> Ranked:
        """Rank at most `k` documents for the query in row `query`."""
        scores, rows = self.index.search(self.queries[query : query + 1], k)
        return Ranked(rows[0], scores[0])
