"""Sparse vectors, learned or lexical, in the inverted index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from scipy.sparse import csr_array

from rarefy.eval.efficiency import one_core
from rarefy.eval.systems.encoding import Encoded
from rarefy.eval.systems.system import Costs, Kind, Ranked, SparseVectors

if TYPE_CHECKING:
    from rarefy.index import Index

__all__ = ["SparseSystem"]

_SIDES = {"documents": "document", "queries": "query"}


@dataclass(frozen=True)
class SparseSystem:
    """Sparse vectors in `rarefy.index.Index`: see `rarefy.eval.systems.system.System`.

    Searches are exact unless a recall is asked for.
    """

    name: str
    kind: Kind
    description: str
    costs: Costs
    vectors: SparseVectors
    settings: dict[str, Any]
    exact: str | None
    parts: tuple[str, ...] = field(default=(), init=False)
    index: Index = field(repr=False)

    @classmethod
    def from_encoded(
        cls, name: str, encoded: Encoded, settings: dict[str, Any] | None = None
    ) -> SparseSystem:
        """Index a collection's vectors.

        Parameters
        ----------
        name
            Its name in tables.
        encoded
            The vectors, and what making them cost.
        settings
            What is told of the vectors, such as how many terms were kept.
        """
        from rarefy.index import Index

        Index.build(encoded.vectors.documents[:1])  # compiles, which is no part of building
        with one_core():
            start = perf_counter()
            index = Index.build(encoded.vectors.documents)
            build_s = perf_counter() - start
        return cls(
            name,
            encoded.kind,
            f"{encoded.description}{_kept(settings or {})}; exact inverted index",
            Costs(encoded.docs_per_s, encoded.queries_per_s, build_s, index.nbytes),
            encoded.vectors,
            settings or {},
            None,
            index,
        )

    def with_recall(self, name: str, recall: float) -> SparseSystem:
        """Return the same index, searched for a share of the exact results."""
        return SparseSystem(
            name,
            self.kind,
            self.description.replace("exact", f"recall {recall:g}"),
            self.costs,
            self.vectors,
            {**self.settings, "recall": recall},
            self.name,
            self.index,
        )

    def asked(self, vectors: SparseVectors) -> SparseSystem:
        """Return the same index with other queries over its documents."""
        return replace(self, vectors=vectors)

    def search(self, k: int, *, threads: int = 1, first: int | None = None) -> Ranked:
        """Rank at most `k` documents for every query, or for the `first` so many."""
        queries = self.vectors.queries if first is None else self.vectors.queries[:first]
        found = self.index.search(queries, k, recall=self._recall, threads=threads)
        return Ranked(found.rows, found.scores)

    def search_one(self, query: int, k: int) -> Ranked:
        """Rank at most `k` documents for the query in row `query`."""
        found = self.index.search(self._queries[query], k, recall=self._recall)
        return Ranked(found.rows[0], found.scores[0])

    def store(self, folder: Path) -> Callable[[], object]:
        """Write the index into a folder, and return what opens it and answers one query."""
        from rarefy.index import Index

        self.index.save(folder / "index")
        query = self._queries[0]
        return lambda: Index.open(folder / "index").search(query, 10, recall=self._recall)

    @property
    def _recall(self) -> float | None:
        return self.settings.get("recall")

    @cached_property
    def _queries(self) -> list[csr_array]:
        """One matrix a query: slicing rows takes as long as a search, and is not one."""
        queries = self.vectors.queries
        return [queries[[row]] for row in range(queries.shape[0])]


def _kept(settings: dict[str, Any]) -> str:
    kept = ", ".join(f"{count} a {_SIDES[side]}" for side, count in settings.items())
    return f" (the heaviest: {kept})" if kept else ""
