"""Queries made of sparse vectors: this and that, this or that, this but not that.

Vectors of one vocabulary can be combined whatever made them, a text or a picture. An inverted
index takes weights above zero alone, so nothing here goes below: what is taken away is lost, not
negative.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from rarefy.errors import InputError
from rarefy.sparse.rows import unit

__all__ = ["both", "either", "without"]


def both(*vectors: sparse.csr_array, weights: Sequence[float] | None = None) -> sparse.csr_array:
    r"""Ask for what is like all of several: the weighted sum of vectors at unit length.

    .. math:: \sum_i w_i v_i / |v_i|

    The score of a document is the weighted sum of what each would score it: late fusion, in one
    search. A picture and a word that changes it are one use of it.

    Parameters
    ----------
    *vectors : CSR [n, V]
        Row i of the result is of row i of each.
    weights
        One for each, above 0; by default all 1.

    Returns
    -------
    scipy.sparse.csr_array
        float32 [n, V], columns sorted, no stored zeros.

    Raises
    ------
    InputError
        If shapes differ, or there is not one weight above 0 for each.
    """
    _check(vectors)
    shares = [1.0] * len(vectors) if weights is None else list(weights)
    if len(shares) != len(vectors) or not all(0 < share < np.inf for share in shares):
        raise InputError(f"weights are {weights}; expected {len(vectors)} numbers above 0")
    total = sparse.csr_array(vectors[0].shape, dtype=np.float32)
    for share, vector in zip(shares, vectors, strict=True):
        total = total + np.float32(share) * unit(_copied(vector))
    return _tidy(total)


def either(*vectors: sparse.csr_array) -> sparse.csr_array:
    """Ask for what is like one of several: the larger weight of each term, at unit length.

    Parameters
    ----------
    *vectors : CSR [n, V]
        Row i of the result is of row i of each.

    Returns
    -------
    scipy.sparse.csr_array
        float32 [n, V], columns sorted, no stored zeros.

    Raises
    ------
    InputError
        If shapes differ.
    """
    _check(vectors)
    largest = unit(_copied(vectors[0]))
    for vector in vectors[1:]:
        largest = largest.maximum(unit(_copied(vector)))
    return _tidy(largest)


def without(
    vectors: sparse.csr_array, unwanted: sparse.csr_array, *, strength: float = 1.0
) -> sparse.csr_array:
    r"""Ask for what is like one, but not the other: the weights left after taking the other's.

    .. math:: relu(v / |v| - s \, u / |u|)

    Parameters
    ----------
    vectors, unwanted : CSR [n, V]
        v and u.
    strength
        s, above 0. Large: no term of the unwanted is asked for.

    Returns
    -------
    scipy.sparse.csr_array
        float32 [n, V], columns sorted, no stored zeros.

    Raises
    ------
    InputError
        If shapes differ, or the strength is not above 0.
    """
    _check((vectors, unwanted))
    if not 0 < strength < np.inf:
        raise InputError(f"strength is {strength}; expected a number above 0")
    left = unit(_copied(vectors)) - np.float32(strength) * unit(_copied(unwanted))
    return _tidy(left.maximum(0))


def _check(vectors: Sequence[sparse.csr_array]) -> None:
    shapes = {vector.shape for vector in vectors}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        told = ", ".join(map(str, sorted(shapes))) or "none"
        raise InputError(f"the vectors have the shapes {told}; expected one, [n, V]")


def _copied(vectors: sparse.csr_array) -> sparse.csr_array:
    return sparse.csr_array(vectors, dtype=np.float32, copy=True)


def _tidy(vectors: sparse.csr_array) -> sparse.csr_array:
    rows = sparse.csr_array(vectors, dtype=np.float32)
    rows.eliminate_zeros()
    rows.sort_indices()
    return rows
