"""What a query is compared by: one part of the vectors, or several."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rarefy.errors import InputError, InputTypeError
from rarefy.index import Index

if TYPE_CHECKING:
    from rarefy.sparse.joined import Joined, Mixed

__all__ = ["HYBRID", "ONLY", "mixed"]

ONLY = "sparse"
"""The mode of a model that has no parts."""
HYBRID = "hybrid"


def mixed(
    index: Index, model: Joined, rows: Any, mode: str, weights: Mapping[str, float] | None
) -> Mixed:
    """Return queries as the index takes them.

    ``hybrid`` brings each part's scores to one scale, where the best document of the index has 1,
    and adds them up by weight (Fox and Shaw, "Combination of Multiple Searches", 1994, with the
    greatest score for the scale and zero for the least).

    Parameters
    ----------
    index
        What is searched.
    model
        What made its vectors.
    rows
        What `Joined.encode_parts` returned.
    mode
        The name of a part, or ``"hybrid"``.
    weights
        Part to its weight in ``hybrid``; by default 1 for each.

    Raises
    ------
    InputError
        If there is no such mode or part, a weight is negative, not finite or none is above zero,
        or there are weights for another mode.
    InputTypeError
        If a weight is no number.
    """
    if mode != HYBRID:
        if mode not in model.parts:
            raise InputError(f"mode is {mode!r}; expected {', '.join(model.parts)} or {HYBRID}")
        if weights is not None:
            raise InputError(f"weights are for the mode {HYBRID!r}, and mode is {mode!r}")
        return model.mixed(rows, {mode: 1.0})
    wanted = _checked(dict.fromkeys(model.parts, 1.0) if weights is None else weights, model.parts)
    scales = {}
    for part, weight in wanted.items():
        alone = model.mixed(rows, {part: 1.0})
        best = index.search(alone.rows, k=1).scores[:, 0].astype(np.float64) - alone.shift
        scales[part] = np.where(best > 0, weight / np.where(best > 0, best, 1.0), 0.0)
    return model.mixed(rows, scales)


def _checked(weights: Mapping[str, float], parts: tuple[str, ...]) -> dict[str, float]:
    for part, weight in weights.items():
        if part not in parts:
            raise InputError(f"weights has {part!r}; expected some of {', '.join(parts)}")
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise InputTypeError(f"the weight of {part!r} is {weight!r}; expected a number")
        if not (weight >= 0 and math.isfinite(weight)):
            raise InputError(f"the weight of {part!r} is {weight}; expected 0 or more")
    if not any(weights.values()):
        raise InputError(f"weights is {dict(weights)}; expected one above 0")
    return {part: float(weight) for part, weight in weights.items() if weight > 0}
