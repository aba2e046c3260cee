"""Sparse scores beside dense ones: how alike they rank, and which confusions the sparse undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import kendalltau

from rarefy.errors import InputError

__all__ = ["Complement", "Separability", "complement", "kendall_tau", "separability"]


class Complement(NamedTuple):
    """What a system has that another lacks, by a measure of each query."""

    better: int
    """Queries that the first does better."""
    worse: int
    """Queries that the other does better."""
    oracle: float
    """Mean of the better value of each query: what choosing between them could reach."""


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


def complement(one: Mapping[str, float], other: Mapping[str, float]) -> Complement:
    """Compare two systems query by query, such as those of two encoders.

    How much the mean of either lies below the oracle's is what they could give each other:
    Rodriguez-Opazo et al., "Unveiling Backbone Effects in CLIP: Exploring Representational
    Synergies and Variances", 2023.

    Parameters
    ----------
    one, other
        Query id -> value of a measure, the greater the better.

    Raises
    ------
    InputError
        If they have other queries, or none.
    """
    if not one or one.keys() != other.keys():
        raise InputError(
            f"there are values of {len(one)} and {len(other)} queries; expected the same queries, "
            "at least one"
        )
    values = np.array([(value, other[key]) for key, value in one.items()])
    first, second = values.T
    oracle = float(values.max(axis=1).mean())
    return Complement(int((first > second).sum()), int((first < second).sum()), oracle)


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
