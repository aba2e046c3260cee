"""What sparse vectors are like, beyond how well they rank.

Of the vectors: document frequencies, dead terms, co-activation, own terms. Of their scores against
those of a dense encoder: Kendall's tau, and which of its confusions they undo. The cost that
frequencies stand for is :func:`rarefy.eval.efficiency.flops`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.stats import kendalltau

from rarefy.errors import InputError

__all__ = [
    "OwnTerms",
    "Separability",
    "co_activation",
    "dead_terms",
    "document_frequencies",
    "kendall_tau",
    "own_terms",
    "separability",
]


class OwnTerms(NamedTuple):
    """How much of a text's own vocabulary its vector has."""

    recall: float
    """Share of a text's own terms that its vector has; mean over the texts that have any."""
    precision: float
    """Share of a vector's k heaviest terms that are the text's own; mean over the texts."""


class Separability(NamedTuple):
    """What sparse scores make of the order in which a dense encoder has two documents."""

    confused: int
    """Pairs of a relevant and an irrelevant document that the dense scores have in wrong order."""
    separated: float
    """Share of those that the sparse scores have in right order; nan if there are none."""
    ordered: int
    """Pairs that the dense scores have in right order."""
    broken: float
    """Share of those that the sparse scores have in wrong order; nan if there are none."""


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


def kendall_tau(
    scores: npt.NDArray[np.floating[Any]],
    reference: npt.NDArray[np.floating[Any]],
    *,
    k: int = 100,
) -> float:
    """Return how alike two rankings are, over the documents at the top of one of them.

    Kendall's tau-b (Kendall 1945, "The treatment of ties in ranking problems"), from -1 to 1; where
    one side's scores are all the same it counts as 0.

    Parameters
    ----------
    scores, reference
        float[queries, documents]; a document's score by the sparse and the dense vectors.
    k
        How many of each query's best documents by `reference` are compared, ties by row.

    Raises
    ------
    InputError
        If the shapes differ, there are no queries, or less than two documents are compared.
    """
    _check_scores(scores, reference)
    if min(k, scores.shape[1]) < 2:
        raise InputError(
            f"k is {k} with {scores.shape[1]} documents; expected at least 2 to compare"
        )
    taus = []
    for own, other in zip(scores, reference, strict=True):
        best = np.argsort(-other, kind="stable")[:k]
        tau = kendalltau(own[best], other[best]).statistic
        taus.append(0.0 if np.isnan(tau) else tau)
    return float(np.mean(taus))


def separability(
    scores: npt.NDArray[np.floating[Any]],
    dense: npt.NDArray[np.floating[Any]],
    relevant: Mapping[int, Sequence[int]],
    *,
    k: int = 100,
) -> Separability:
    """Look at the pairs of documents that a dense encoder confuses, and at those it does not.

    A pair is a relevant document of a query and an irrelevant one among the query's best k by the
    dense scores. Equal scores are in wrong order. A retriever of noise separates half of what is
    confused and breaks half of what is not: the two shares belong together.

    Parameters
    ----------
    scores, dense
        float[queries, documents]; by the sparse and the dense vectors.
    relevant
        Row of a query -> rows of its relevant documents.
    k
        How many of a query's best documents give irrelevant ones, ties by row.

    Raises
    ------
    InputError
        If the shapes differ, or there are no queries.
    """
    _check_scores(scores, dense)
    confused = separated = ordered = broken = 0
    for query, documents in relevant.items():
        rows = np.asarray(documents, dtype=np.int64)
        best = np.argsort(-dense[query], kind="stable")[:k]
        others = best[~np.isin(best, rows)]
        right = {
            name: matrix[query, rows][:, None]
            > matrix[query, others][None, :]  # [relevant, others]
            for name, matrix in (("sparse", scores), ("dense", dense))
        }
        confused += int((~right["dense"]).sum())
        separated += int((~right["dense"] & right["sparse"]).sum())
        ordered += int(right["dense"].sum())
        broken += int((right["dense"] & ~right["sparse"]).sum())
    return Separability(
        confused,
        separated / confused if confused else float("nan"),
        ordered,
        broken / ordered if ordered else float("nan"),
    )


def _check_scores(
    scores: npt.NDArray[np.floating[Any]], other: npt.NDArray[np.floating[Any]]
) -> None:
    if scores.shape != other.shape or scores.ndim != 2 or not len(scores):
        raise InputError(
            f"the scores have the shapes {scores.shape} and {other.shape}; expected the same, one "
            "row a query and one column a document"
        )
