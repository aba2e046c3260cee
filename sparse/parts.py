"""Items of several parts or fields: many vectors as one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy import sparse

from rarefy.errors import InputError

__all__ = ["Pooled", "pooled"]


class Pooled(NamedTuple):
    """The vectors of items, in the order in which they come first."""

    vectors: sparse.csr_array
    """Float32 [m, V], columns sorted, no stored zeros."""
    items: list[Hashable]
    """What each row is of."""


def pooled(
    vectors: sparse.csr_array,
    items: Sequence[Hashable],
    *,
    how: Literal["max", "sum"] = "max",
    weights: Sequence[float] | None = None,
) -> Pooled:
    r"""Make one vector an item of those of its parts.

    With the rows P(i) of item i,

    .. math:: v_i = \max_{p \in P(i)} w_p v_p \quad \text{or} \quad v_i = \sum_{p \in P(i)} w_p v_p

    The maximum is for parts of which one is enough: the passages of a text, the frames of a film,
    the regions of a picture. The weighted sum is for fields: the score of an item is then the
    weighted sum of its fields' scores, as in Zhu, Jung and Clark, "Generalized Contrastive Learning
    for Multi-Modal Retrieval and Ranking", 2024. Fields can come from several towers.

    Parameters
    ----------
    vectors : CSR [n, V]
        Of the parts.
    items
        n, which item each part is of, such as its id.
    how
        ``"max"`` or ``"sum"``.
    weights
        w, one for each part, above 0; by default all 1. Where an item lacks a field, let those of
        the others sum to 1 to put items on a par.

    Returns
    -------
    Pooled

    Raises
    ------
    InputError
        If there is not one item and one weight above 0 for each part, or no such way.
    """
    if how not in ("max", "sum"):
        raise InputError(f"how is {how!r}; expected 'max' or 'sum'")
    n, columns = vectors.shape
    shares = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    if not len(items) == len(shares) == n or not (shares > 0).all() or np.isinf(shares).any():
        raise InputError(
            f"there are {n} vectors, {len(items)} items and {len(shares)} weights; expected as "
            "many of each, and weights above 0"
        )
    numbers = {item: row for row, item in enumerate(dict.fromkeys(items))}
    own = np.array([numbers[item] for item in items], dtype=np.int64)
    shape = (len(numbers), columns)
    scaled = sparse.csr_array(vectors.multiply(shares[:, None].astype(np.float32)))
    if how == "sum":
        ones = np.ones(n, dtype=np.float32)
        result = sparse.csr_array(
            sparse.csr_array((ones, (own, np.arange(n))), (shape[0], n)) @ scaled
        )
    else:
        parts = scaled.tocoo()
        keys = own[parts.row] * columns + parts.col
        order = np.lexsort((-parts.data, keys))
        kept = order[np.flatnonzero(np.diff(keys[order], prepend=-1))]  # the largest of each
        found = (parts.data[kept], np.divmod(keys[kept], columns))
        result = sparse.csr_array(sparse.coo_array(found, shape))
    result = result.astype(np.float32)
    result.eliminate_zeros()
    result.sort_indices()
    return Pooled(result, list(numbers))
