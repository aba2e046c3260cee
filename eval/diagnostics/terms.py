"""The terms of sparse vectors: how often each is used, and whether they are the text's own.

The cost that frequencies stand for is :func:`rarefy.eval.efficiency.flops`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from rarefy.errors import InputError

__all__ = [
    "OwnTerms",
    "co_activation",
    "dead_terms",
    "document_frequencies",
    "over_used_terms",
    "own_terms",
]


class OwnTerms(NamedTuple):
    """How much of a text's own vocabulary its vector has."""

    recall: float
    """Share of a text's own terms that its vector has; mean over the texts that have any."""
    precision: float
    """Share of a vector's k heaviest terms that are the text's own; mean over the texts."""


def document_frequencies(vectors: csr_array) -> npt.NDArray[np.float64]:
    """Return the share of vectors that each term occurs in, the most frequent term first.

    Parameters
    ----------
    vectors
        CSR [n, V], no stored zeros.

    Returns
    -------
    float64[V]
        The curve: a steep start is long posting lists.
    """
    counts = np.bincount(vectors.indices, minlength=vectors.shape[1])
    return np.sort(counts)[::-1] / max(1, vectors.shape[0])


def dead_terms(vectors: csr_array, columns: Sequence[int] | None = None) -> int:
    """Count the terms that no vector has.

    Parameters
    ----------
    vectors
        CSR [n, V], no stored zeros.
    columns
        The terms that may get a weight; by default all.
    """
    used = np.zeros(vectors.shape[1], dtype=bool)
    used[vectors.indices] = True
    return int((~(used if columns is None else used[np.asarray(columns, dtype=np.int64)])).sum())


def over_used_terms(vectors: csr_array, share: float = 0.5) -> npt.NDArray[np.int64]:
    """Return the terms that more than a share of the vectors have, the most frequent first.

    They tell documents apart little and cost most: their postings are the longest (Porco et al.
    2025, "An Alternative to FLOPS Regularization to Effectively Productionize SPLADE-Doc").

    Parameters
    ----------
    vectors
        CSR [n, V], no stored zeros.
    share
        From 0 up to, but not, 1.

    Returns
    -------
    int64
        Columns; ties by number.

    Raises
    ------
    InputError
        If the share is not in that range.
    """
    if not 0 <= share < 1:
        raise InputError(f"share is {share}; expected at least 0 and less than 1")
    counts = np.bincount(vectors.indices, minlength=vectors.shape[1])
    order = np.argsort(-counts, kind="stable")
    return order[counts[order] > share * vectors.shape[0]]


def co_activation(vectors: csr_array) -> float:
    """Return the share of a vector's terms that another one, drawn at random, has too.

    It is the "dimension co-activation" that Nguyen et al., ECIR 2024, name as one of two failures
    of dense-to-sparse training: terms that fire for whatever text. 0 is best.

    Parameters
    ----------
    vectors
        CSR [n, V], no stored zeros; empty ones do not count, at least two others must be there.

    Raises
    ------
    InputError
        If there are less.
    """
    nnz = np.diff(vectors.indptr)
    filled = int((nnz > 0).sum())
    if filled < 2:
        raise InputError(f"{filled} vectors have terms; expected at least 2 to compare")
    others = np.bincount(vectors.indices, minlength=vectors.shape[1])[vectors.indices] - 1
    rows = np.repeat(np.arange(len(nnz)), nnz)
    shared = np.bincount(rows, weights=others, minlength=len(nnz))[nnz > 0]
    return float((shared / nnz[nnz > 0]).mean() / (filled - 1))


def own_terms(vectors: csr_array, own: csr_array, *, k: int = 20) -> OwnTerms:
    """Compare the terms of vectors with those that occur in the texts.

    Parameters
    ----------
    vectors
        CSR [n, V], no stored zeros.
    own
        CSR [n, V], no stored zeros: the terms that count as the text's own, such as its
        word-pieces, or those and their inflections; weights do not matter.
    k
        How many of a vector's heaviest terms `precision` is over; fewer if it has fewer, ties by
        column. A vector without terms has a precision of 0.

    Raises
    ------
    InputError
        If the shapes differ, there are no vectors, or k is below 1.
    """
    if vectors.shape != own.shape or not vectors.shape[0]:
        raise InputError(
            f"vectors have the shape {vectors.shape} and own {own.shape}; expected the same, and "
            "at least one row"
        )
    if k < 1:
        raise InputError(f"k is {k}; expected at least 1 term")
    recalls, precisions = [], []
    for row in range(vectors.shape[0]):
        start, end = vectors.indptr[row : row + 2]
        terms, weights = vectors.indices[start:end], vectors.data[start:end]
        texts = own.indices[own.indptr[row] : own.indptr[row + 1]]
        heaviest = terms[np.lexsort((terms, -weights))[:k]]
        precisions.append(np.isin(heaviest, texts).mean() if len(heaviest) else 0.0)
        if len(texts):
            recalls.append(np.isin(texts, terms).mean())
    return OwnTerms(
        float(np.mean(recalls)) if recalls else float("nan"), float(np.mean(precisions))
    )
