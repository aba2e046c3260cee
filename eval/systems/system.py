"""A system: one way to rank the documents of a collection, ready to answer its queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from rarefy.eval.run import Run

__all__ = ["Costs", "Kind", "Ranked", "SparseVectors", "System"]

Kind = Literal["sparse", "dense", "lexical", "hybrid"]


class Ranked(NamedTuple):
    """The documents found for one query, best first.

    rows: int64[k], -1 where fewer were found; scores: float[k].
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
        Seconds from vectors to an index.
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
    def costs(self) -> Costs:
        """What it took to be ready."""
        ...

    @property
    def vectors(self) -> SparseVectors | None:
        """Its sparse vectors; None for dense and hybrid systems."""
        ...

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the systems that it joins; empty for all but hybrids."""
        ...

    def search(self, k: int) -> Run:
        """Rank at most `k` documents for every query of the collection."""
        ...

    def search_one(self, query: int, k: int) -> Ranked:
        """Rank at most `k` documents for the query in row `query`: what latency is measured of."""
        ...
