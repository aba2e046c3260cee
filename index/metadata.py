"""What is known of documents beside their vectors: typed fields, one column each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import DamagedIndexError, InputError, InputTypeError
from rarefy.index.columns import TYPES, arrow, arrow_type, columns_of, one_chunk, type_name

__all__ = ["Metadata"]


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
    def of(cls, given: Any, n: int, types: Mapping[str, str] | None = None) -> Metadata:
        """Take metadata as users have it.

        Parameters
        ----------
        given
            A mapping from field to n values; n mappings from field to value; or a table that Arrow
            can read, such as one of pandas or polars. None and NaN are missing values.
        n
            How many documents there are.
        types
            Of fields that are known already, which may have no value here.

        Raises
        ------
        InputTypeError
            If it is none of these, or the values of a field are of no type, of several, or of
            another than is known.
        InputError
            If there are more or fewer values than documents, a field has a name that filters
            cannot have, or no value at all.
        """
        columns = columns_of(given, n, types or {})
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
        return {name: type_name(column.type) for name, column in self.columns.items()}

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
    whole = [one_chunk(column) for column in table.columns]
    return dict(zip(table.column_names, whole, strict=True))
