"""A collection as sparse vectors, and how fast a model encodes, without counting what a cache held.

Documents are read and encoded a block at a time: a collection's texts are never all in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Protocol, TypeVar

import numpy as np
from scipy.sparse import csr_array, vstack

from rarefy.eval.collections.collection import Collection
from rarefy.eval.systems.system import Kind, SparseVectors
from rarefy.sparse.lexical import BM25

__all__ = ["CountingModel", "Encoded", "encode_collection", "in_blocks", "timed_encoding"]

_BLOCK = 2**17  # documents

T = TypeVar("T")


class CountingModel(Protocol):
    """A model whose attribute ``computed`` counts the texts that it has really encoded."""

    @property
    def computed(self) -> int:
        """Texts encoded so far, without those that a cache held."""
        ...


@dataclass(frozen=True)
class Encoded:
    """A collection's vectors by one model, for every engine that searches them.

    Parameters
    ----------
    vectors
        One row for each document and each query.
    kind
        ``"lexical"`` for BM25, ``"sparse"`` for others.
    description
        What made them.
    docs_per_s, queries_per_s
        As in `rarefy.eval.systems.system.Costs`.
    """

    vectors: SparseVectors
    kind: Kind
    description: str
    docs_per_s: float | None = None
    queries_per_s: float | None = None

    def asked(self, queries: csr_array) -> Encoded:
        """Return the same documents with other queries, float32[queries, V]."""
        return replace(
            self, vectors=SparseVectors(self.vectors.documents, queries, self.vectors.explain)
        )

    def pruned(self, documents: int | None, queries: int | None) -> Encoded:
        """Return the same with the heaviest terms of each vector alone.

        Parameters
        ----------
        documents, queries
            The most terms to keep of a document's and of a query's vector; None for all.
        """
        if documents is None and queries is None:
            return self
        kept = SparseVectors(
            _heaviest(self.vectors.documents, documents),
            _heaviest(self.vectors.queries, queries),
            self.vectors.explain,
        )
        return Encoded(kept, self.kind, self.description, self.docs_per_s, self.queries_per_s)


def encode_collection(model: Any, collection: Collection, *, progress: bool = False) -> Encoded:
    """Encode the documents and the queries of a collection.

    Parameters
    ----------
    model
        What `rarefy.load` gives, ready to encode.
    collection
        The documents and queries.
    progress
        Whether to show progress bars.
    """
    documents, docs_per_s = timed_encoding(
        model,
        lambda: vstack(
            [
                model.encode_documents(block, progress=progress)
                for block in in_blocks(collection.documents)
            ],
            format="csr",
        ),
    )
    queries, queries_per_s = timed_encoding(
        model, lambda: model.encode_queries(collection.queries, progress=progress)
    )
    return Encoded(
        SparseVectors(documents, queries, model.explain),
        "lexical" if isinstance(model, BM25) else "sparse",
        f"{model.name}, {model.vocabulary_size:,} terms",
        docs_per_s,
        queries_per_s,
    )


def in_blocks(texts: Sequence[str]) -> list[Sequence[str]]:
    """Return slices that make up `texts`, at least one."""
    starts = range(0, max(1, len(texts)), _BLOCK)
    return [texts[start : start + _BLOCK] for start in starts]


def timed_encoding(model: CountingModel, encode: Callable[[], T]) -> tuple[T, float | None]:
    """Call `encode` and tell how many texts a second the model encoded meanwhile.

    Returns
    -------
    tuple
        What `encode` returned, and texts a second; None if the model encoded none.
    """
    before = model.computed
    start = perf_counter()
    vectors = encode()
    seconds = perf_counter() - start
    computed = model.computed - before
    return vectors, computed / seconds if computed else None


def _heaviest(matrix: csr_array, k: int | None) -> csr_array:
    """Keep the k largest weights of each row, ties by column."""
    if k is None or matrix.nnz == 0:
        return matrix
    row_of = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, row_of))
    rank = np.arange(matrix.nnz) - matrix.indptr[:-1][row_of]
    kept = np.sort(order[rank < k])
    sizes = np.minimum(np.diff(matrix.indptr), k)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(matrix.indptr.dtype)
    return csr_array((matrix.data[kept], matrix.indices[kept], starts), shape=matrix.shape)
