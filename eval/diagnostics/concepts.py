"""What the columns of a head without words stand for: the items that have most of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from rarefy.errors import InputError

__all__ = ["Concept", "concept_report"]


class Concept(NamedTuple):
    """A column, and the items that tell what it means, those of the largest weight first."""

    column: int
    frequency: int
    """Items that have it."""
    weight: float
    """Mean weight in these."""
    items: tuple[str, ...]


def concept_report(
    vectors: sparse.csr_array, names: Sequence[str], *, items: int = 5, concepts: int = 20
) -> list[Concept]:
    """Describe the columns that most items have by their items.

    Stack vectors of several modalities to see what each concept is in either.

    Parameters
    ----------
    vectors
        CSR [n, V], such as those of a :class:`rarefy.sparse.ConceptAutoencoder`.
    names
        n, what to call the items.
    items
        How many to name for a column, at most.
    concepts
        How many columns to describe, at most; those that most items have come first.

    Returns
    -------
    list of Concept
        Columns that no item has are left out.

    Raises
    ------
    InputError
        If there is not one name for each vector.
    """
    if vectors.shape[0] != len(names):
        raise InputError(
            f"there are {vectors.shape[0]} vectors and {len(names)} items; expected a name for each"
        )
    columns = sparse.csc_array(vectors)
    columns.eliminate_zeros()
    counts = np.diff(columns.indptr)
    report = []
    for column in np.argsort(-counts, kind="stable")[:concepts]:
        own = slice(columns.indptr[column], columns.indptr[column + 1])
        rows, weights = columns.indices[own], columns.data[own]
        if len(rows):
            order = np.lexsort((rows, -weights))[:items]
            told = tuple(names[row] for row in rows[order])
            report.append(Concept(int(column), len(rows), float(weights.mean()), told))
    return report
