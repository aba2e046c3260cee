"""What is known of documents beside their vectors: typed fields, held column by column by Arrow.

Needs pyarrow, the extra ``meta``, which is imported when metadata is first used.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import DamagedIndexError, InputError, InputTypeError, require
from rarefy.index.expressions import Field

__all__ = ["TYPES", "Metadata", "arrow", "arrow_type", "in_utc"]

TYPES = ("bool", "int", "float", "str", "datetime", "list of str")


def arrow(module: str = "pyarrow") -> ModuleType:
    """Import Arrow, or a module of it.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    return require(module, "meta")


class Metadata:
    """Columns of values, one value or none a document.

    Parameters
    ----------
    load
        Returns the columns: by field a pyarrow.Array[n] of one of the types of `arrow_type`, where
        missing values are null.
    """

    def __init__(self, load: Callable[[], dict[str, Any]]) -> None:
        self._load = load

    @cached_property
    def columns(self) -> dict[str, Any]:
        """The columns by field; read when they are first asked for."""
        return self._load()

    @classmethod
    def of(cls, given: Any, n: int) -> Metadata:
        """Take metadata as users have it.

        Parameters
        ----------
        given
            A mapping from field to n values; n mappings from field to value; or a table that Arrow
            can read, such as one of pandas or polars. None and NaN are missing values.
        n
            How many documents there are.

        Raises
        ------
        InputTypeError
            If it is none of these, or the values of a field are of no type, or of several.
        InputError
            If there are more or fewer values than documents, a field has a name that filters
            cannot have, or no value at all.
        """
        columns = {name: _column(name, values) for name, values in _by_field(given, n).items()}
        return cls(lambda: columns)

    @classmethod
    def joined(
        cls, parts: Sequence[tuple[Metadata | None, npt.NDArray[np.int64]]]
    ) -> Metadata | None:
        """Return the metadata of rows of several parts, one after the other.

        Parameters
        ----------
        parts
            Metadata, or None for all values missing; and the rows of it that are taken.

        Returns
        -------
        Metadata or None
            None if no part has any. A field that a part lacks has missing values there.

        Raises
        ------
        InputTypeError
            If a field is of one type in one part and of another in another.
        """
        kinds: dict[str, str] = {}
        for known, _ in parts:
            for name, kind in ({} if known is None else known.types).items():
                if kinds.setdefault(name, kind) != kind:
                    raise InputTypeError(f"the field {name!r} is {kinds[name]}, and also {kind}")
        if not kinds:
            return None
        pa = arrow()
        columns = {}
        for name, kind in kinds.items():
            pieces = [
                pa.nulls(len(rows), arrow_type(kind))
                if known is None or name not in known.columns
                else known.columns[name].take(pa.array(rows))
                for known, rows in parts
            ]
            columns[name] = pa.concat_arrays(pieces)
        return cls(lambda: columns)

    def completed(self, types: Mapping[str, str], n: int) -> Metadata:
        """Return the same with missing values in fields that it lacks.

        Parameters
        ----------
        types
            All fields, and the type of each.
        n
            How many documents there are.
        """

        def columns() -> dict[str, Any]:
            return {
                name: self.columns[name]
                if name in self.columns
                else arrow().nulls(n, arrow_type(kind))
                for name, kind in types.items()
            }

        return Metadata(columns)

    @property
    def types(self) -> dict[str, str]:
        """The type of each field: int, float, str, bool, datetime or list of str."""
        return {name: _type_name(column.type) for name, column in self.columns.items()}

    def records(
        self, rows: Sequence[int], fields: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """Return the values of documents, None where one is missing.

        Parameters
        ----------
        rows
            Rows of documents.
        fields
            Which fields; by default all.

        Raises
        ------
        InputError
            If there is no such field.
        """
        records: list[dict[str, Any]] = [{} for _ in rows]
        for name in self.columns if fields is None else fields:
            values = self.column(name).take(arrow().array(rows, "int64")).to_pylist()
            for record, value in zip(records, values, strict=True):
                record[name] = value
        return records

    def column(self, name: str, asked: str = "") -> Any:
        """Return a field's values: pyarrow.Array[n].

        Parameters
        ----------
        name
            Its name.
        asked
            Who asks for it, for the error to say.

        Raises
        ------
        InputError
            If there is no such field.
        """
        if name not in self.columns:
            known = ", ".join(f"{name} ({kind})" for name, kind in self.types.items())
            problem = asked or f"{name!r} is no field"
            raise InputError(f"{problem}; the index has {known or 'no metadata'}")
        return self.columns[name]

    def to_bytes(self) -> npt.NDArray[np.uint8]:
        """Return all columns as a file in Arrow's IPC format: uint8[bytes]."""
        pa = arrow()
        table = pa.table(self.columns)
        sink = pa.BufferOutputStream()
        with arrow("pyarrow.ipc").new_file(sink, table.schema) as writer:
            writer.write_table(table)
        return np.frombuffer(sink.getvalue(), np.uint8)

    @classmethod
    def from_bytes(
        cls, content: npt.NDArray[np.uint8], n: int, *, thorough: bool = True
    ) -> Metadata:
        """Return what `to_bytes` wrote; columns are views of it, made when they are first used.

        That first use raises DamagedIndexError if it is not what was written.

        Parameters
        ----------
        content
            uint8[bytes], aligned to 64 bytes.
        n
            How many documents there must be.
        thorough
            Look at every value, so that no kernel reads outside of it; otherwise at sizes alone.
        """
        return cls(partial(_read, content, n, thorough))


def _read(content: npt.NDArray[np.uint8], n: int, thorough: bool) -> dict[str, Any]:
    pa = arrow()
    try:
        table = arrow("pyarrow.ipc").open_file(pa.py_buffer(content)).read_all()
        table.validate(full=thorough)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedIndexError(
            f"metadata is not what was written: {error}: restore the folder or build it again"
        ) from error
    known = {arrow_type(name) for name in TYPES}
    if table.num_rows != n or not known.issuperset(table.schema.types):
        raise DamagedIndexError(
            f"metadata has {table.num_rows} documents and the types {table.schema.types}, the "
            f"index has {n} documents: restore the folder or build it again"
        )
    whole = [_one_chunk(column) for column in table.columns]
    return dict(zip(table.column_names, whole, strict=True))


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


def _type_name(kind: Any) -> str:
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


def _column(name: str, values: Any) -> Any:
    """Return a field's values as one Arrow array of one of the types."""
    pa, compute = arrow(), arrow("pyarrow.compute")
    try:
        if isinstance(values, pa.Array | pa.ChunkedArray):
            found = _one_chunk(values)
        elif str(getattr(values, "dtype", "object")) == "object":  # a list, or an array of objects
            kind = _type_of_objects(name, values)
            values = [None if _missing(value) else value for value in values]
            if kind == "datetime":
                values = [value and in_utc(value) for value in values]
            found = pa.array(values, arrow_type(kind))
        else:
            found = pa.array(values, from_pandas=True)
        if pa.types.is_dictionary(found.type):
            found = found.dictionary_decode()
        column = found.cast(arrow_type(_type_of_arrow(name, found.type)))
    except InputTypeError:
        raise
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise InputTypeError(f"the field {name!r} cannot be stored: {error}") from error
    if pa.types.is_floating(column.type):  # NaN is a missing value
        column = compute.if_else(compute.is_nan(column), None, column)
    return column


def _type_of_objects(name: str, values: Iterable[Any]) -> str:
    """Return the type that all values have; whole numbers among others are float.

    Arrow guesses too, but would cut datetimes among dates down to their day.
    """
    found = None
    for row, value in enumerate(values):
        if _missing(value):
            continue
        kind = _type_of_object(value)
        if kind is None or (found not in (kind, None) and {found, kind} != {"int", "float"}):
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


def _one_chunk(column: Any) -> Any:
    """Return a column of any number of chunks as one array."""
    pa = arrow()
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
