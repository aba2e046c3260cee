"""Which documents an expression selects: Arrow's kernels over the columns of the metadata."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError, InputTypeError
from rarefy.index.columns import arrow, arrow_type, in_utc
from rarefy.index.expressions import (
    Comparison,
    Contains,
    Expression,
    Junction,
    Membership,
    Missing,
    Not,
    Value,
)
from rarefy.index.metadata import Metadata

__all__ = ["of_type", "selected"]

KERNELS = {
    "==": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}
LITERALS: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "datetime": (str,),
    "list of str": (str,),
}
"""What values of each type are compared with."""


def selected(expression: Expression, metadata: Metadata) -> npt.NDArray[np.bool_]:
    """Return the documents of which an expression is true.

    Parameters
    ----------
    expression
        What to select by.
    metadata
        Of n documents.

    Returns
    -------
    bool[n]

    Raises
    ------
    InputError
        If there is no such field, or its type cannot be compared in this way or with this value.
    """
    truth = _truth(expression, metadata).fill_null(False)
    return np.ascontiguousarray(truth.to_numpy(zero_copy_only=False))


def _truth(expression: Expression, metadata: Metadata) -> Any:
    """Return bool or null for each document: Kleene's three-valued logic."""
    compute = arrow("pyarrow.compute")
    if isinstance(expression, Not):
        return compute.invert(_truth(expression.term, metadata))
    if isinstance(expression, Junction):
        join = compute.and_kleene if expression.word == "and" else compute.or_kleene
        first, *others = expression.terms
        truth = _truth(first, metadata)
        for term in others:
            truth = join(truth, _truth(term, metadata))
        return truth
    if not isinstance(expression, Comparison | Membership | Contains | Missing):
        raise InputTypeError(f"{expression!r} is no condition: make one with field(...)")
    name = expression.field
    column = metadata.column(name, asked=f"{_named(expression)}, which is not there")
    kind = metadata.types[name]
    if isinstance(expression, Missing):
        return compute.is_null(column)
    if isinstance(expression, Contains):
        return _contains(expression, column, kind)
    if kind == "list of str":
        raise InputError(
            f"{_named(expression)}: it is a list of str; expected 'value' in {name}, or is null"
        )
    if isinstance(expression, Membership):
        return _member(expression, column, kind)
    if kind == "bool" and expression.operator not in ("==", "!="):
        raise InputError(f"{_named(expression)}: it is bool; expected == or != to compare it")
    value = arrow().scalar(of_type(expression, expression.value, kind), column.type)
    return compute.call_function(KERNELS[expression.operator], [column, value])


def _member(expression: Membership, column: Any, kind: str) -> Any:
    values = [of_type(expression, value, kind) for value in expression.values]
    if kind == "float" and 0 in values:
        values += [0.0, -0.0]  # equal, but Arrow looks values up by their bits
    compute, pa = arrow("pyarrow.compute"), arrow()
    found = compute.is_in(column, value_set=pa.array(values, column.type))
    return compute.if_else(column.is_valid(), found, None)


def _contains(expression: Contains, column: Any, kind: str) -> Any:
    if kind != "list of str":
        raise InputError(
            f"{_named(expression)}: it is {kind}, no list; expected a comparison, such as "
            f"{expression.field} in (...)"
        )
    pa, compute = arrow(), arrow("pyarrow.compute")
    value = pa.scalar(of_type(expression, expression.value, kind), arrow_type("str"))
    equal = compute.equal(column.flatten(), value).fill_null(False)
    holders = compute.list_parent_indices(column).filter(equal)
    found = np.zeros(len(column), np.bool_)
    found[holders.to_numpy(zero_copy_only=False)] = True
    return compute.if_else(column.is_valid(), pa.array(found), None)


def of_type(expression: Comparison | Membership | Contains, value: Value, kind: str) -> Any:
    """Return a value as the type of the field has it; no value is rounded."""
    fits = isinstance(value, LITERALS[kind]) and isinstance(value, bool) == (kind == "bool")
    if not fits and kind == "int" and isinstance(value, float) and value.is_integer():
        value, fits = int(value), abs(value) < 2**63
    if fits and kind == "float" and value == float(value):
        return float(value)
    if fits and kind == "datetime":
        try:
            return in_utc(datetime.datetime.fromisoformat(str(value)))
        except (ValueError, OverflowError):
            fits = False
    if not fits or kind == "float":
        wanted = {
            "bool": "true or false",
            "int": "a whole number of 64 bits",
            "float": "a number that 64-bit floats hold exactly",
            "datetime": "a moment in ISO 8601, such as '2024-01-31' or '2024-01-31T12:00+00:00'",
        }.get(kind, "text in quotes")
        raise InputError(f"{_named(expression)}: it is {kind}; expected {wanted}, got {value!r}")
    return value


def _named(expression: Comparison | Membership | Contains | Missing) -> str:
    """Return how an error starts: which field, and where."""
    place = "" if expression.at is None else f" at character {expression.at + 1}"
    return f"the filter asks for the field {expression.field!r}{place}"
