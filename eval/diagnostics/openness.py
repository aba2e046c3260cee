"""What is lost as a collection grows: whether what is sought stays first among more documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError

__all__ = ["openness"]


def openness(
    scores: npt.NDArray[np.floating[Any]],
    relevant: Mapping[int, Sequence[int]],
    sizes: Sequence[int],
    *,
    k: int = 1,
    seed: int = 0,
) -> dict[int, float]:
    """Return the share of queries that find something among their first k, by number of documents.

    A query's relevant documents are there from the beginning; the others come in one random order.
    After Ren et al., "Delving into the Openness of CLIP", 2023, whose vocabularies of classes grow.

    Parameters
    ----------
    scores
        float[queries, documents].
    relevant
        Row of a query -> rows of its relevant documents.
    sizes
        How many of the other documents there are, ascending or not.
    k
        How many are looked at; a document of an equal score counts as being before.
    seed
        Of the order.

    Returns
    -------
    dict
        Size -> share, 0 to 1.

    Raises
    ------
    InputError
        If there is no query, a size is beyond what there is, or k is below 1.
    """
    if k < 1 or not relevant or not all(map(len, relevant.values())):
        raise InputError(f"k is {k} for {len(relevant)} queries; expected 1 or more of each")
    most = scores.shape[1] - max(map(len, relevant.values()))
    for size in sizes:
        if not 0 <= size <= most:
            raise InputError(f"a size is {size}; expected 0 to {most} other documents")
    order = np.random.default_rng(seed).permutation(scores.shape[1])
    found = dict.fromkeys(sizes, 0)
    for row, own in relevant.items():
        best = scores[row, list(own)].max()
        others = order[~np.isin(order, own)]
        before = np.concatenate([[0], np.cumsum(scores[row, others] >= best)])
        for size in found:
            found[size] += int(before[size] < k)
    return {size: count / len(relevant) for size, count in found.items()}
