"""Which documents may be results."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError, InputTypeError
from rarefy.index.expressions import Expression
from rarefy.index.grammar import parse

__all__ = ["NO_FILTER", "Filter", "allowed_rows"]


class Filter(NamedTuple):
    """What may be a result; all if the arrays are empty.

    Attributes
    ----------
    rows : bool[n] or bool[0]
        Documents that may be.
    blocks : bool[blocks] or bool[0]
        Blocks that hold such documents.
    """

    rows: npt.NDArray[np.bool_]
    blocks: npt.NDArray[np.bool_]


NO_FILTER = Filter(np.ones(0, np.bool_), np.ones(0, np.bool_))


def allowed_rows(
    given: Any,
    n: int,
    row_of: Callable[[str], int],
    select: Callable[[Expression], npt.NDArray[np.bool_]],
) -> npt.NDArray[np.bool_]:
    """Turn a filter into a mask.

    Parameters
    ----------
    given
        bool[n], a mask over rows; ids of documents; or a condition on the metadata, as text or as
        an expression.
    n
        How many documents there are.
    row_of
        The row of an id; raises InputError if there is none.
    select
        The documents of which a condition is true; raises InputError if it does not fit them.

    Raises
    ------
    InputTypeError
        If it is none of these.
    InputError
        If the mask has another length, an id is unknown, or the condition cannot be read or does
        not fit the metadata of the documents that there are.
    """
    if isinstance(given, str | Expression):
        condition = parse(given) if isinstance(given, str) else given
        return select(condition) if n else np.zeros(0, np.bool_)  # no document, no known field
    if isinstance(given, np.ndarray) and given.dtype == np.bool_:
        if given.shape != (n,):
            raise InputError(
                f"the filter is a mask of shape {given.shape}, the index holds {n} documents: "
                f"give one truth value a document"
            )
        return np.ascontiguousarray(given)
    if not isinstance(given, Iterable):
        raise InputTypeError(
            f"the filter must be a condition as text, a boolean array, one value a document, or "
            f"ids of documents; got {type(given).__name__}"
        )
    allowed = np.zeros(n, np.bool_)
    for name in given:
        if not isinstance(name, str):
            raise InputTypeError(
                f"the filter holds {name!r} of type {type(name).__name__}; ids are str, and a mask "
                f"is a numpy array of bool"
            )
        allowed[row_of(name)] = True
    return allowed
