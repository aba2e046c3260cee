"""What a query is compared by: one part of the vectors, or several."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from rarefy.errors import InputError, InputTypeError
from rarefy.index import Hits, Index
from rarefy.index.pairs import search_pairs
from rarefy.index.vectors import canonical

if TYPE_CHECKING:
    from rarefy.sparse.joined import Joined, Mixed

__all__ = ["HYBRID", "ONLY", "mixed", "ranked"]

ONLY = "sparse"
"""The mode of a model that has no parts."""
HYBRID = "hybrid"
DENSE = "dense"
MOST_WEIGHT = 1e15
"""Beyond it, weighed scores could be beyond float32."""


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
        If there is no such mode or part, a weight is negative, above 1e15 or none is above zero,
        there are weights for another mode, or scores are beyond float32.
    InputTypeError
        If the weights are no mapping or a weight is no number, or the queries are no vectors.
    """
    if not sparse.issparse(rows) or rows.shape[-1] != model.vocabulary_size:
        canonical(rows, width=model.vocabulary_size, what="query vectors")  # it says what is wrong
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
        found = ranked(index, model, alone.rows, 1, part)
        best = found.scores[:, 0].astype(np.float64) - alone.shift
        scales[part] = np.where(best > 0, weight / np.where(best > 0, best, 1.0), 0.0)
        if (best == np.inf).any():
            raise _beyond(part)
    with np.errstate(over="ignore"):
        whole = model.mixed(rows, scales)
    if not np.isfinite(whole.rows.data).all():
        raise _beyond(HYBRID)
    return whole


def ranked(index: Index, model: Joined, rows: Any, k: int, mode: str, **options: Any) -> Hits:
    """Return what `Index.search` does for what `mixed` returned, in the way that suits the mode."""
    if mode == DENSE:
        return search_pairs(index, rows, k, model.starts[mode], **options)
    return index.search(rows, k, **options)


def _beyond(what: str) -> InputError:
    return InputError(
        f"the query's {what} scores are beyond float32; expected at most 3.4e38: scale the query's "
        f"or the documents' weights to about 1"
    )


def _checked(weights: Mapping[str, float], parts: tuple[str, ...]) -> dict[str, float]:
    if not isinstance(weights, Mapping):
        raise InputTypeError(
            f"weights is {weights!r}; expected a dict from part to weight, such as {{'bm25': 0.5}}"
        )
    for part, weight in weights.items():
        if part not in parts:
            raise InputError(f"weights has {part!r}; expected some of {', '.join(parts)}")
        if isinstance(weight, bool) or not isinstance(weight, Real):
            raise InputTypeError(f"the weight of {part!r} is {weight!r}; expected a number")
        if not 0 <= weight <= MOST_WEIGHT:
            raise InputError(
                f"the weight of {part!r} is {weight}; expected 0 or more, at most {MOST_WEIGHT:g}"
            )
    if not any(weights.values()):
        raise InputError(f"weights is {dict(weights)}; expected one above 0")
    return {part: float(weight) for part, weight in weights.items() if weight > 0}
