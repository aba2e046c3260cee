"""Where vectors lie: of pairs, of one set, and of two sets beside each other.

Vectors are rows, dense (an array) or sparse (CSR), and are brought to length 1 first, so that dense
and sparse spaces can be compared. Each function takes time and memory of a matrix [n, n] at most,
by blocks where it can: thousands of vectors, a sample of a larger set.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, issparse

from rarefy.errors import InputError

__all__ = [
    "ModalityGap",
    "Rows",
    "alignment",
    "cosines",
    "linear_cka",
    "modality_gap",
    "mutual_neighbours",
    "outlying_dimensions",
    "uniformity",
    "unit_rows",
]

Rows: TypeAlias = npt.NDArray[np.floating[Any]] | csr_array
"""float[n, d] or CSR [n, V]."""

_BLOCK = 1024  # rows of a similarity matrix at a time


class ModalityGap(NamedTuple):
    """How far apart two kinds of vectors lie."""

    distance: float
    """Between the means of the two sets of unit vectors: 0 to 2."""
    separability: float
    """Share of the vectors that are nearer to their own set's mean than to the other's, from 0 to
    1: a linear classifier's accuracy. About 0.5 is no gap."""


def alignment(one: Rows, other: Rows) -> float:
    """Return how far apart the vectors of a pair are: ``mean ||x - y||^2``, 0 to 4, 0 is best.

    Wang & Isola 2020, "Understanding Contrastive Representation Learning through Alignment and
    Uniformity on the Hypersphere", with its exponent of 2.

    Parameters
    ----------
    one, other
        Rows [n, d]; those of the same number are a pair, such as a query and its document.

    Raises
    ------
    InputError
        If the shapes differ, there are no rows, or a row is zero.
    """
    _check_pairs(one, other, same_width=True)
    products = _dense((unit_rows(one) * unit_rows(other)).sum(axis=1))
    return float((2 - 2 * products).mean())


def uniformity(rows: Rows, *, t: float = 2.0) -> float:
    """Return how evenly vectors fill the sphere: ``log mean exp(-t ||x - y||^2)``, lower is better.

    Wang & Isola 2020, over all pairs of different rows; 0 where all are the same vector.

    Parameters
    ----------
    rows
        Rows [n, d], at least 2.
    t
        How local the potential is; above 0.

    Raises
    ------
    InputError
        If there are less than two rows, one is zero, or t is not above 0.
    """
    if rows.shape[0] < 2 or not t > 0:
        raise InputError(
            f"{rows.shape[0]} vectors and t={t}; expected at least 2 vectors and t above 0"
        )
    unit = unit_rows(rows)
    count, total = rows.shape[0], 0.0
    for start, block in cosines(unit, unit):
        potentials = np.exp(-t * (2 - 2 * block))
        own = np.arange(block.shape[0])
        total += float(potentials.sum() - potentials[own, start + own].sum())
    return float(np.log(total / (count * (count - 1))))


def modality_gap(one: Rows, other: Rows) -> ModalityGap:
    """Compare where two kinds of items lie, such as images and texts or queries and documents.

    Liang et al. 2022, "Mind the Gap: Understanding the Modality Gap in Multi-modal Contrastive
    Representation Learning".

    Parameters
    ----------
    one, other
        Rows [n, d] and [m, d].

    Raises
    ------
    InputError
        If the widths differ, a set is empty, or a row is zero.
    """
    if one.shape[1] != other.shape[1] or not (one.shape[0] and other.shape[0]):
        raise InputError(
            f"the vectors have the shapes {one.shape} and {other.shape}; expected the same width, "
            "and at least one row each"
        )
    first, second = unit_rows(one), unit_rows(other)
    means = [_dense(rows.sum(axis=0)) / rows.shape[0] for rows in (first, second)]
    gap = means[0] - means[1]
    middle = float(gap @ (means[0] + means[1])) / 2  # of the means, along the gap
    right = (first @ gap > middle).sum() + (second @ gap < middle).sum()
    return ModalityGap(float(np.linalg.norm(gap)), float(right / (one.shape[0] + other.shape[0])))


def linear_cka(one: Rows, other: Rows) -> float:
    """Return how alike two spaces arrange the same items: linear CKA, 0 to 1.

    Kornblith et al. 2019, "Similarity of Neural Network Representations Revisited":
    ``||Y' X||^2 / (||X' X|| ||Y' Y||)`` of the centred matrices, in Frobenius norms. It does not
    change when a space is rotated or scaled, and widths may differ.

    Parameters
    ----------
    one, other
        Rows [n, d] and [n, V]; rows of the same number are the same item.

    Raises
    ------
    InputError
        If the numbers of rows differ, are below 2, a row is zero, or a set is one vector only.
    """
    _check_pairs(one, other, same_width=False)
    grams = []
    for rows in (one, other):
        unit = unit_rows(rows)
        gram = np.concatenate([block for _, block in cosines(unit, unit)])
        gram -= gram.mean(axis=0)
        gram -= gram.mean(axis=1)[:, None]
        grams.append(gram)
    # ||Y' X||^2 is the product of the Gram matrices, entry by entry
    own = [float(np.linalg.norm(gram)) for gram in grams]
    if min(own) < 1e-9:
        raise InputError("all vectors of a set are the same; expected at least two different ones")
    return float((grams[0] * grams[1]).sum() / (own[0] * own[1]))


def mutual_neighbours(one: Rows, other: Rows, *, k: int = 10) -> float:
    """Return the share of an item's k nearest neighbours that two spaces agree on, 0 to 1.

    The mutual k-nearest-neighbour metric of Huh et al. 2024, "The Platonic Representation
    Hypothesis"; neighbours by cosine, the item itself left out, ties by row.

    Parameters
    ----------
    one, other
        Rows [n, d] and [n, V]; rows of the same number are the same item.
    k
        From 1 to n - 1.

    Raises
    ------
    InputError
        If the numbers of rows differ, a row is zero, or k is out of range.
    """
    _check_pairs(one, other, same_width=False)
    if not 1 <= k < one.shape[0]:
        raise InputError(f"k is {k} with {one.shape[0]} vectors; expected 1 to one less than them")
    nearest = [_neighbours(unit_rows(rows), k) for rows in (one, other)]
    shared = [len(np.intersect1d(*pair)) for pair in zip(*nearest, strict=True)]
    return float(np.mean(shared) / k)


def outlying_dimensions(
    rows: npt.NDArray[np.floating[Any]], *, deviations: float = 3.0
) -> npt.NDArray[np.int64]:
    """Return the dimensions whose mean or spread is out of line with those of the others.

    A few such dimensions, artefacts of positions in masked language models, decide cosines: Luo,
    Kulmizev and Mao, "Positional Artefacts Propagate Through Masked Language Model Embeddings",
    ACL 2021. A head that standardises its terms, or whitened rows, do without them.

    Parameters
    ----------
    rows
        Float [n, d], dense, n at least 2.
    deviations
        How many standard deviations from the mean over dimensions is far, above 0.

    Returns
    -------
    int64[m]
        Ascending.

    Raises
    ------
    InputError
        If there are less than two rows, or the number is not above 0.
    """
    if len(rows) < 2 or not deviations > 0:
        raise InputError(
            f"{len(rows)} vectors and {deviations} deviations; expected at least 2 vectors, and "
            "more than 0"
        )
    far = np.zeros(rows.shape[1], dtype=bool)
    for values in (rows.mean(axis=0), rows.std(axis=0)):
        far |= np.abs(values - values.mean()) > deviations * values.std()
    return np.flatnonzero(far)


def unit_rows(rows: Rows) -> Rows:
    """Return the rows in float64, each of length 1.

    Raises
    ------
    InputError
        If a row is zero or not finite.
    """
    matrix: Any = rows
    squares = matrix.multiply(matrix) if issparse(rows) else np.square(rows, dtype=np.float64)
    lengths = np.sqrt(_dense(squares.sum(axis=1)).astype(np.float64))
    wrong = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(wrong):
        raise InputError(
            f"{len(wrong)} vectors have no direction, such as row {wrong[0]}, whose length is "
            f"{lengths[wrong[0]]}; leave them out"
        )
    if issparse(rows):
        scaled = csr_array(rows, dtype=np.float64)
        scaled.data /= np.repeat(lengths, np.diff(scaled.indptr))
        return scaled
    return np.asarray(rows, np.float64) / lengths[:, None]


def cosines(one: Rows, other: Rows) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
    """Yield the products of unit rows, a block of rows of `one` at a time, and where it starts."""
    for start in range(0, one.shape[0], _BLOCK):
        block: Any = one[start : start + _BLOCK] @ other.T
        yield start, block.toarray() if issparse(block) else block


def _neighbours(unit: Rows, k: int) -> npt.NDArray[np.int64]:
    found = []
    for start, block in cosines(unit, unit):
        own = np.arange(block.shape[0])
        block[own, start + own] = -np.inf
        found.append(np.argsort(-block, axis=1, kind="stable")[:, :k])
    return np.concatenate(found)


def _dense(vector: Any) -> npt.NDArray[np.float64]:
    """Return what a sum over one axis gives as a flat array, whatever the kind of matrix."""
    return np.asarray(vector.toarray() if issparse(vector) else vector).ravel()


def _check_pairs(one: Rows, other: Rows, *, same_width: bool) -> None:
    wanted = one.shape if same_width else one.shape[:1]
    if other.shape[: len(wanted)] != wanted or not one.shape[0]:
        raise InputError(
            f"the vectors have the shapes {one.shape} and {other.shape}; expected the same "
            f"{'shape' if same_width else 'number of rows'}, and at least one row"
        )
