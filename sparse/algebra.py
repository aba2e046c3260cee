"""Queries made of sparse vectors: this and that, this or that, this but not that, and the like.

Vectors of one vocabulary can be combined whatever made them, a text or a picture. An inverted
index takes weights above zero alone, so nothing here goes below: what is taken away is lost, not
negative.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rarefy.errors import InputError
from rarefy.sparse.rows import heaviest, unit

__all__ = ["both", "either", "refined", "without"]


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


def refined(
    queries: sparse.csr_array,
    documents: sparse.csr_array,
    rows: NDArray[np.integer],
    *,
    weight: float = 0.5,
    terms: int | None = None,
) -> sparse.csr_array:
    r"""Move queries towards what they have found: pseudo-relevance feedback.

    With F(i) the documents that query i found, vectors at unit length and
    :math:`c_i = \sum_{d \in F(i)} d` brought to unit length, too,

    .. math:: q_i + w \, c_i

    Rocchio, "Relevance Feedback in Information Retrieval", 1971, without negative feedback. The
    documents can be of another tower or another collection, a memory: Iscen et al.,
    "Retrieval-Enhanced Contrastive Vision-Text Models", ICLR 2024, there with a trained fusion; a
    picture asks by the captions that it found, too.

    Parameters
    ----------
    queries : CSR [n, V]
    documents : CSR [N, V]
        Of the index that was searched, or what belongs to its documents.
    rows : int [n, k]
        What was found, :attr:`rarefy.index.Hits.rows`: -1 stands for nothing.
    weight
        w, above 0.
    terms
        How many terms a query keeps at most; all by default.

    Returns
    -------
    scipy.sparse.csr_array
        float32 [n, V], columns sorted, no stored zeros.

    Raises
    ------
    InputError
        If widths differ, there is not one row of `rows` for each query, a row is not of the
        documents, or a number is out of range.
    """
    found = np.asarray(rows)
    if not 0 < weight < np.inf or (terms is not None and terms < 1):
        raise InputError(f"weight is {weight} and terms {terms}; expected above 0, and at least 1")
    last = found.max(initial=-1)
    if found.ndim != 2 or len(found) != queries.shape[0] or last >= documents.shape[0]:
        raise InputError(
            f"rows have the shape {found.shape}, up to {last}; expected one row for each of the "
            f"{queries.shape[0]} queries, of {documents.shape[0]} documents"
        )
    own, places = np.nonzero(found >= 0)
    shape = (queries.shape[0], documents.shape[0])
    chosen = sparse.csr_array((np.ones(len(own), np.float32), (own, found[own, places])), shape)
    centres = sparse.csr_array(chosen @ unit(_copied(documents)))
    _check((queries, centres))
    moved = _tidy(unit(_copied(queries)) + np.float32(weight) * unit(_copied(centres)))
    return moved if terms is None else heaviest(moved, terms, moved.data)


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
