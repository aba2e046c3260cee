"""Whether items that differ in a detail are told apart: two queries, two documents."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError

__all__ = ["Contrasts", "contrasts"]


class Contrasts(NamedTuple):
    """Shares of the cases that come right, 0 to 1; chance is 1/4, 1/4 and 1/6."""

    queries: float
    """Each query prefers its own document."""
    documents: float
    """Each document prefers its own query."""
    both: float
    """All of that."""


def contrasts(scores: npt.NDArray[np.floating[Any]]) -> Contrasts:
    """Score pairs of pairs, such as two captions of the same words and their pictures.

    The text, image and group scores of Thrush et al., "Winoground: Probing Vision and Language
    Models for Visio-Linguistic Compositionality", CVPR 2022, with documents for images; questions
    of which one word was changed, and their passages, are another use (Zhang et al., "Exploring
    Contrast Consistency of Open-Domain Question Answering Systems on Minimally Edited Questions",
    2023). Equal scores are wrong.

    Parameters
    ----------
    scores
        float[cases, 2, 2]: the score of each of two queries (first) with each of two documents,
        which belong together in their order.

    Raises
    ------
    InputError
        If they have another shape, or there are none.
    """
    table = np.asarray(scores)
    if table.ndim != 3 or table.shape[1:] != (2, 2) or not len(table):
        raise InputError(f"scores have the shape {table.shape}; expected [cases, 2, 2]")
    own = np.stack([table[:, 0, 0], table[:, 1, 1]], axis=1)
    by_query = (own > np.stack([table[:, 0, 1], table[:, 1, 0]], axis=1)).all(axis=1)
    by_document = (own > np.stack([table[:, 1, 0], table[:, 0, 1]], axis=1)).all(axis=1)
    return Contrasts(
        float(by_query.mean()), float(by_document.mean()), float((by_query & by_document).mean())
    )
