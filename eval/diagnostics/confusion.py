"""What a dense encoder takes for the same though it is not, and whether a head tells it apart.

Encoders that were not trained together, or towers for two languages or two kinds of items, can put
items with nothing in common on the same spot; a head over them inherits that, or undoes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from rarefy.errors import InputError
from rarefy.eval.diagnostics.space import Rows, cosines, unit_rows

__all__ = ["Confusions", "confusion_report"]


class Confusions(NamedTuple):
    """Pairs of items of different labels whose dense vectors coincide.

    rows: int64[n, 2], both rows of a pair, the most alike first; dense, sparse: float64[n], their
    cosines.
    """

    rows: npt.NDArray[np.int64]
    dense: npt.NDArray[np.float64]
    sparse: npt.NDArray[np.float64]
    before: float
    """Share of comparisons of a pair of one label with a confused one in which the dense cosine of
    the first is higher, ties half (the area under the ROC curve): 1 is told apart, 0.5 is chance.
    Low by construction, since these cosines chose the pairs. nan without confused pairs, or
    without two items of one label."""
    after: float
    """The same of the sparse cosines."""


def confusion_report(
    dense: Rows,
    sparse: Rows,
    labels: Sequence[Any],
    *,
    threshold: float = 0.9,
    towers: Sequence[Any] | None = None,
) -> Confusions:
    """List the pairs that an encoder confuses, and how separable they are before and after a head.

    Parameters
    ----------
    dense
        float[n, d], what the encoder gives. Items of two towers stand below each other.
    sparse
        CSR [n, V], what the head makes of them.
    labels
        One for each item; items of the same label ought to be alike.
    threshold
        The dense cosine from which two vectors coincide, -1 to 1.
    towers
        Which tower each item is of: then pairs of two towers alone are compared, the confused ones
        and those of one label.

    Returns
    -------
    Confusions
        All confused pairs: a low threshold gives many.

    Raises
    ------
    InputError
        If numbers differ, a vector is zero, or the threshold is no cosine.
    """
    if not dense.shape[0] == sparse.shape[0] == len(labels):
        raise InputError(
            f"{dense.shape[0]} dense vectors, {sparse.shape[0]} sparse ones and {len(labels)} "
            "labels; expected one of each for each item"
        )
    if not -1 <= threshold <= 1:
        raise InputError(f"threshold is {threshold}; expected a cosine, from -1 to 1")
    if towers is not None and len(towers) != len(labels):
        raise InputError(
            f"there are {len(towers)} towers for {len(labels)} items; expected one each"
        )
    _, classes = np.unique(list(labels), return_inverse=True)
    _, sides = np.unique(range(len(labels)) if towers is None else towers, return_inverse=True)
    before, after = unit_rows(dense), unit_rows(sparse)
    found: list[tuple[npt.NDArray[Any], ...]] = []
    alike: list[tuple[npt.NDArray[Any], ...]] = []
    for (start, near), (_, near_after) in zip(
        cosines(before, before), cosines(after, after), strict=True
    ):
        rows = start + np.arange(near.shape[0])
        later = np.arange(len(classes))[None, :] > rows[:, None]  # each pair once
        later &= sides[rows][:, None] != sides[None, :]
        same = classes[rows][:, None] == classes[None, :]
        for where, pairs in ((later & same, alike), (later & ~same & (near >= threshold), found)):
            one, other = np.nonzero(where)
            pairs.append((start + one, other, near[one, other], near_after[one, other]))
    first, second, old, new = (np.concatenate(column) for column in zip(*found, strict=True))
    _, _, good_old, good_new = (np.concatenate(column) for column in zip(*alike, strict=True))
    order = np.lexsort((second, first, -old))
    return Confusions(
        np.stack([first, second], axis=1)[order],
        old[order],
        new[order],
        _told_apart(good_old, old),
        _told_apart(good_new, new),
    )


def _told_apart(good: npt.NDArray[np.float64], bad: npt.NDArray[np.float64]) -> float:
    """Return the area under the ROC curve, from the sum of ranks (Mann & Whitney 1947)."""
    if not (len(good) and len(bad)):
        return float("nan")
    ranks = rankdata(np.concatenate([good, bad]))[: len(good)]
    return float((ranks.sum() - len(good) * (len(good) + 1) / 2) / (len(good) * len(bad)))
