"""Semantic search over the sparse embeddings of sentence-transformers.

The call is that of the library's own ``semantic_search_qdrant``, ``semantic_search_seismic`` and so
on (``sentence_transformers.sparse_encoder.search_engines``); the index is in this process, and
exact.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import scipy.sparse

from rarefy.errors import InputError, InputTypeError
from rarefy.index import Index

if TYPE_CHECKING:
    import torch

__all__ = ["semantic_search_rarefy"]


def semantic_search_rarefy(
    query_embeddings: torch.Tensor,
    corpus_embeddings: torch.Tensor | None = None,
    corpus_index: Index | None = None,
    top_k: int = 10,
    output_index: bool = False,
    *,
    recall: float | None = None,
    threads: int = 1,
) -> tuple[Any, ...]:
    """Find the best documents for sparse embeddings.

    Parameters
    ----------
    query_embeddings
        Sparse COO tensor [m, vocabulary] or [vocabulary], as a ``SparseEncoder`` returns it.
    corpus_embeddings
        Sparse COO tensor [n, vocabulary] of the documents; not needed with an index.
    corpus_index
        An index of them, as an earlier call returned.
    top_k
        How many documents a query.
    output_index
        Whether to return the index too.
    recall, threads
        As `Index.search` takes them.

    Returns
    -------
    results : list of list of dict
        For each query ``{"corpus_id": row, "score": score}``, best first; only documents that share
        a term with it.
    seconds : float
        What the search took.
    index : Index
        If `output_index`.

    Raises
    ------
    InputTypeError
        If embeddings are no sparse tensors.
    InputError
        If there are neither documents nor an index, a weight is negative or not finite, or widths
        differ.
    """
    if corpus_index is None:
        if corpus_embeddings is None:
            raise InputError("expected corpus_embeddings, or the corpus_index of an earlier call")
        corpus_index = Index.build(_rows(corpus_embeddings, "corpus_embeddings"))
    queries = _rows(query_embeddings, "query_embeddings")
    began = time.perf_counter()
    hits = corpus_index.search(queries, k=top_k, recall=recall, threads=threads)
    seconds = time.perf_counter() - began
    results = [
        [
            {"corpus_id": row, "score": score}
            for row, score in zip(rows, scores, strict=True)
            if row >= 0
        ]
        for rows, scores in zip(hits.rows.tolist(), hits.scores.tolist(), strict=True)
    ]
    return (results, seconds, corpus_index) if output_index else (results, seconds)


def _rows(embeddings: Any, name: str) -> Any:
    """Return a tensor as scipy CSR float32."""
    if not getattr(embeddings, "is_sparse", False):
        raise InputTypeError(
            f"{name} is a {type(embeddings).__name__} that is not sparse; expected a sparse COO "
            f"tensor: encode with convert_to_sparse_tensor=True"
        )
    if embeddings.ndim == 1:
        embeddings = embeddings.unsqueeze(0)
    found = embeddings.detach().cpu().coalesce()
    entries = found.values().float().numpy(), tuple(found.indices().numpy())
    return scipy.sparse.coo_array(entries, shape=tuple(found.shape)).tocsr()
