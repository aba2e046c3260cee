"""Which way a loss reads a score matrix: queries choose documents, documents queries, or both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from rarefy.errors import InputError

__all__ = ["Directions", "averaged"]

Directions = Literal["queries", "documents", "both"]


def averaged(
    loss: Callable[..., Tensor], directions: Directions, *matrices: Tensor | None
) -> Tensor:
    """Return the loss over rows, over columns, or the mean of both.

    Parameters
    ----------
    loss
        Takes the matrices, and reads them by row.
    directions
        ``"queries"`` for rows, ``"documents"`` for columns, ``"both"``.
    *matrices
        [q, d] each, or None.

    Raises
    ------
    InputError
        If there are no such directions.
    """
    if directions not in ("queries", "documents", "both"):
        raise InputError(f"directions is {directions!r}; expected 'queries', 'documents' or 'both'")
    losses = []
    if directions != "documents":
        losses.append(loss(*matrices))
    if directions != "queries":
        losses.append(loss(*(None if matrix is None else matrix.T for matrix in matrices)))
    return torch.stack(losses).mean()
