"""Sparse vectors, learned or lexical, in the inverted index."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any

from scipy.sparse import csr_array

from rarefy.eval.collections.collection import Collection
from rarefy.eval.run import Run, run_from_rows
from rarefy.eval.systems.encoding import timed_encoding
from rarefy.eval.systems.system import Costs, Kind, Ranked, SparseVectors
from rarefy.sparse.lexical import BM25

if TYPE_CHECKING:
    from rarefy.index import Index

__all__ = ["SparseSystem"]


@dataclass(frozen=True)
class SparseSystem:
    """Sparse vectors in `rarefy.index.Index`: see `rarefy.eval.systems.system.System`."""

    name: str
    kind: Kind
    description: str
    costs: Costs
    vectors: SparseVectors
    parts: tuple[str, ...] = field(default=(), init=False)
    index: Index = field(repr=False)
    collection: Collection = field(repr=False)

    @classmethod
    def from_model(
        cls, name: str, model: Any, collection: Collection, *, progress: bool = False
    ) -> SparseSystem:
        """Encode and index a collection.

        Parameters
        ----------
        name
            Its name in tables.
        model
            What `rarefy.load` gives, ready to encode. `BM25` makes a lexical system.
        collection
            The documents and queries.
        progress
            Whether to show progress bars.
        """
        documents, docs_per_s = timed_encoding(
            model, lambda: model.encode_documents(collection.documents, progress=progress)
        )
        queries, queries_per_s = timed_encoding(
            model, lambda: model.encode_queries(collection.queries, progress=progress)
        )
        return cls.from_vectors(
            name,
            "lexical" if isinstance(model, BM25) else "sparse",
            f"{model.name}, {model.vocabulary_size:,} terms; exact inverted index",
            SparseVectors(documents, queries, model.explain),
            collection,
            docs_per_s,
            queries_per_s,
        )

    @classmethod
    def from_vectors(
        cls,
        name: str,
        kind: Kind,
        description: str,
        vectors: SparseVectors,
        collection: Collection,
        encode_docs_per_s: float | None = None,
        encode_queries_per_s: float | None = None,
    ) -> SparseSystem:
        """Index the vectors of a collection, one row for each document and each query."""
        from rarefy.index import Index

        Index.build(vectors.documents[:1])  # compiles, which is no part of building
        start = perf_counter()
        index = Index.build(vectors.documents, ids=collection.document_ids)
        build_s = perf_counter() - start
        costs = Costs(encode_docs_per_s, encode_queries_per_s, build_s, index.nbytes)
        return cls(name, kind, description, costs, vectors, index, collection)

    def search(self, k: int) -> Run:
        """Rank at most `k` documents for every query of the collection."""
        hits = self.index.search(self.vectors.queries, k=k)
        return run_from_rows(
            hits.rows, hits.scores, self.collection.query_ids, self.collection.document_ids
        )

    def search_one(self, query: int, k: int) -> Ranked:
        """Rank at most `k` documents for the query in row `query`."""
        hits = self.index.search(self._queries[query], k=k)
        return Ranked(hits.rows[0], hits.scores[0])

    @cached_property
    def _queries(self) -> list[csr_array]:
        """One matrix a query: slicing rows takes as long as a search, and is not one."""
        queries = self.vectors.queries
        return [queries[[row]] for row in range(queries.shape[0])]
