"""A system: one way to rank the documents of a collection, ready to answer its queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

__all__ = ["Costs", "Kind", "Ranked", "SparseVectors", "System"]

Kind = Literal["sparse", "dense", "lexical", "hybrid"]


class Ranked(NamedTuple):
    """Documents found, best first, for one query or for several.

    rows: int64[k] or int64[queries, k], -1 where fewer were found; scores: floats of that shape.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.floating]


@dataclass(frozen=True)
class Costs:
    """What a system took to be ready.

    Parameters
    ----------
    encode_docs_per_s, encode_queries_per_s
        Texts encoded a second; None where there was nothing to encode or a cache held it all.
    build_s
        Seconds from vectors, or from texts where the engine reads those, to an index; on one core.
    index_bytes
        Bytes that search needs, without the texts and the ids.
    """

    encode_docs_per_s: float | None
    encode_queries_per_s: float | None
    build_s: float
    index_bytes: int


@dataclass(frozen=True)
class SparseVectors:
    """The vectors of a sparse system, for their statistics and for showing their terms.

    Parameters
    ----------
    documents
        CSR, float32[documents, V].
    queries
        CSR, float32[queries, V].
    explain
        One row and a number k -> the k heaviest terms with their weights.
    """

    documents: csr_array
    queries: csr_array
    explain: Callable[[csr_array, int], list[tuple[str, float]]]


class System(Protocol):
    """An indexed collection with its queries encoded."""

    @property
    def name(self) -> str:
        """Its name in tables."""
        ...

    @property
    def kind(self) -> Kind:
        """What it ranks by."""
        ...

    @property
    def description(self) -> str:
        """One line that says what it is made of."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """What its index was built with and is searched with."""
        ...

    @property
    def exact(self) -> str | None:
        """Name of the exact system whose rankings it approximates; None for an exact one."""
        ...

    @property
    def costs(self) -> Costs | None:
        """What it took to be ready; None where nothing is searched, so nothing is timed."""
        ...

    @property
    def vectors(self) -> SparseVectors | None:
        """Its sparse vectors; None for dense and hybrid systems."""
        ...

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the systems that it joins; empty for all but hybrids."""
        ...

    def search(self, k: int, *, threads: int = 1, first: int | None = None) -> Ranked:
        """Rank at most `k` documents for every query, or for the `first` so many."""
        ...

    def search_one(self, query: int, k: int) -> Ranked:
        """Rank at most `k` documents for the query in row `query`: what latency is measured of."""
        ...

    def store(self, folder: Path) -> Callable[[], object] | None:
        """Write the index into a folder, and return what opens it and answers one query.

        None where there is nothing to write.
        """
        ...
