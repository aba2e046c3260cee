"""Rows of a sparse matrix in the two forms that stores take and give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import scipy.sparse

__all__ = ["from_mappings", "from_pairs"]

Pair = tuple[Sequence[int], Sequence[float]]
"""The columns and the weights of a row."""


def from_pairs(rows: Iterable[Pair], width: int) -> Any:
    """Make a matrix of rows, the columns of each in any order.

    Parameters
    ----------
    rows
        Columns and weights of each.
    width
        How many columns there are.

    Returns
    -------
    csr_array
        float32 [rows, width], rows sorted by column.
    """
    pairs = list(rows)
    columns = np.fromiter(chain.from_iterable(pair[0] for pair in pairs), np.int64)
    weights = np.fromiter(chain.from_iterable(pair[1] for pair in pairs), np.float32)
    indptr = np.cumsum([0, *(len(pair[0]) for pair in pairs)])
    matrix = scipy.sparse.csr_array((weights, columns, indptr), shape=(len(pairs), width))
    matrix.sort_indices()
    return matrix


def from_mappings(rows: Iterable[Mapping[Any, float]], width: int) -> Any:
    """Make the same of mappings from a column, a number or its digits, to its weight."""
    return from_pairs(
        (([int(column) for column in row], list(row.values())) for row in rows), width
    )
