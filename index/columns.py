"""Values as users have them become Arrow columns of a few types.

Needs pyarrow, the extra ``meta``, which is imported when metadata is first used.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from rarefy.errors import InputError, InputTypeError, require
from rarefy.index.expressions import Field

__all__ = ["TYPES", "arrow", "arrow_type", "columns_of", "in_utc", "one_chunk", "type_name"]

TYPES = ("bool", "int", "float", "str", "datetime", "list of str")


def arrow(module: str = "pyarrow") -> ModuleType:
    """Import Arrow, or a module of it.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    return require(module, "meta")


def columns_of(given: Any, n: int, types: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns of metadata, by field; see `Metadata.of`."""
    return {
        name: _column(name, values, types.get(name)) for name, values in _by_field(given, n).items()
    }


def arrow_type(name: str) -> Any:
    """Return Arrow's type for one of `TYPES`.

    Moments are microseconds of UTC. Text and lists have 64-bit offsets: no column is too long.
    """
    pa = arrow()
    text = pa.large_string()
    return {
        "bool": pa.bool_(),
        "int": pa.int64(),
        "float": pa.float64(),
        "str": text,
        "datetime": pa.timestamp("us", "+00:00"),
        "list of str": pa.large_list(text),
    }[name]


def in_utc(moment: datetime.date) -> datetime.datetime:
    """Return a moment in UTC: a day as its midnight; one without an offset is of UTC.

    Raises
    ------
    OverflowError
        If it is before the year 1 or after 9999 in UTC.
    """
    if not isinstance(moment, datetime.datetime):
        moment = datetime.datetime.combine(moment, datetime.time())
    if moment.tzinfo is None:
        return moment.replace(tzinfo=datetime.UTC)
    return moment.astimezone(datetime.UTC)


def type_name(kind: Any) -> str:
    """Return which of `TYPES` an Arrow type is."""
    return next(name for name in TYPES if arrow_type(name) == kind)


def _by_field(given: Any, n: int) -> dict[str, Any]:
    """Return n values a field."""
    if hasattr(given, "__arrow_c_stream__"):  # a table, whoever made it
        table = arrow().table(given)
        named = dict(zip(table.column_names, table.columns, strict=True))
    elif isinstance(given, Mapping):
        named = dict(given)
    elif isinstance(given, Sequence) and all(isinstance(record, Mapping) for record in given):
        if len(given) != n:
            raise InputError(f"there are {len(given)} records of metadata for {n} documents")
        fields = dict.fromkeys(name for record in given for name in record)
        named = {name: [record.get(name) for record in given] for name in fields}
    else:
        raise InputTypeError(
            f"metadata must be a dict from field to values, a list of dicts, one a document, or a "
            f"table; got {type(given).__name__}"
        )
    for name, values in named.items():
        Field(name)  # raises if filters could not name it
        if isinstance(values, str) or not hasattr(values, "__len__"):
            raise InputTypeError(
                f"the field {name!r} must have a list of {n} values, got {type(values).__name__}"
            )
        if len(values) != n:
            raise InputError(
                f"the field {name!r} has {len(values)} values for {n} documents: give one each, "
                f"None where it is missing"
            )
    return named


def _column(name: str, values: Any, known: str | None) -> Any:
    """Return a field's values as one Arrow array of one of the types: the known one, if any."""
    pa, compute = arrow(), arrow("pyarrow.compute")
    try:
        if isinstance(values, pa.Array | pa.ChunkedArray):
            found = one_chunk(values)
        elif str(getattr(values, "dtype", "object")) == "object":  # a list, or an array of objects
            kind = _type_of_objects(name, values, known)
            values = [None if _missing(value) else value for value in values]
            if kind == "datetime":
                values = [value and in_utc(value) for value in values]
            found = pa.array(values, arrow_type(kind))
        else:
            found = pa.array(values, from_pandas=True)
        if pa.types.is_dictionary(found.type):
            found = found.dictionary_decode()
        kind = known if known and pa.types.is_null(found.type) else _type_of_arrow(name, found.type)
        if known not in (None, kind) and (kind, known) != ("int", "float"):
            raise InputTypeError(f"the field {name!r} is {known} in the index, got {kind} values")
        column = found.cast(arrow_type(known or kind))
    except InputTypeError:
        raise
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise InputTypeError(f"the field {name!r} cannot be stored: {error}") from error
    if pa.types.is_floating(column.type):  # NaN is a missing value
        column = compute.if_else(compute.is_nan(column), None, column)
    return column


def _type_of_objects(name: str, values: Iterable[Any], known: str | None) -> str:
    """Return the type that all values have; whole numbers among others are float.

    Arrow guesses too, but would cut datetimes among dates down to their day.
    """
    found = known
    for row, value in enumerate(values):
        if _missing(value):
            continue
        kind = _type_of_object(value)
        widened = {found, kind} == {"int", "float"} and known != "int"
        if kind is None or (found not in (kind, None) and not widened):
            raise InputTypeError(
                f"the field {name!r} has {value!r} of type {type(value).__name__} in row {row}; "
                f"expected {found or 'one of ' + ', '.join(TYPES)}"
            )
        found = kind if found in (kind, None) else "float"
    if found is None:
        raise InputTypeError(
            f"the field {name!r} has no value, so that its type is unknown: leave it out, or pass "
            f"an array that has a dtype"
        )
    return found


def _missing(value: Any) -> bool:
    """Say whether a value is None, NaN or pandas' NaT."""
    return value is None or (
        isinstance(value, float | np.floating | datetime.date) and value != value
    )


def _type_of_object(value: Any) -> str | None:
    for name, kinds in [
        ("bool", bool | np.bool_),
        ("int", int | np.integer),
        ("float", float | np.floating),
        ("str", str),
        ("datetime", datetime.date),  # a datetime is a date too
    ]:
        if isinstance(value, kinds):
            return name
    several = isinstance(value, list | tuple | set | frozenset | np.ndarray)
    return "list of str" if several and all(isinstance(item, str) for item in value) else None


def _type_of_arrow(name: str, found: Any) -> str:
    """Return the type of a field that Arrow holds in this type."""
    types = arrow().types
    if types.is_list(found) or types.is_large_list(found):
        kind = "list of str" if _type_of_arrow(name, found.value_type) == "str" else None
    else:
        tests = {
            "bool": types.is_boolean,
            "int": types.is_integer,
            "float": types.is_floating,
            "str": lambda of: types.is_string(of) or types.is_large_string(of),
            "datetime": lambda of: types.is_timestamp(of) or types.is_date(of),
        }
        kind = next((of for of, test in tests.items() if test(found)), None)
    if kind is None:
        raise InputTypeError(
            f"the field {name!r} has Arrow's type {found}; expected one of {', '.join(TYPES)}"
        )
    return kind


def one_chunk(column: Any) -> Any:
    """Return a column of any number of chunks as one array."""
    pa = arrow()
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
