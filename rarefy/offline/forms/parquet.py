"""Parquet: the columns ``_id`` or ``id``, ``text``, perhaps ``title``, and fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rarefy.errors import InputError, require
from rarefy.offline.batch import Batch, Slice, add_record

__all__ = ["read", "slices"]

OWN = ("_id", "id", "title", "text", "metadata")


def slices(path: Path, size: int) -> Iterator[Slice]:
    """Cut each row group after each `size` rows.

    Raises
    ------
    InputError
        If it is no Parquet file.
    MissingExtraError
        If pyarrow is not installed.
    """
    file, first = _opened(path), 1
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        for start in range(0, rows, size):
            yield Slice(str(path), first + start, start, min(start + size, rows), group)
        first += rows


def read(piece: Slice, fields: Sequence[str]) -> Batch:
    """Read the documents of a slice; an id may be a whole number.

    Raises
    ------
    InputError
        If a row has no id and text.
    """
    file = _opened(Path(piece.path))
    wanted = [name for name in (*OWN, *fields) if name in file.schema_arrow.names]
    table = file.read_row_group(piece.group, columns=list(dict.fromkeys(wanted)))
    batch = Batch(columns={name: [] for name in fields})
    rows: list[dict[str, Any]] = table.slice(piece.start, piece.end - piece.start).to_pylist()
    for number, record in enumerate(rows, piece.first):
        for name in ("_id", "id"):
            if type(record.get(name)) is int:
                record[name] = str(record[name])
        add_record(batch, record, piece.path, number)
    return batch


def _opened(path: Path) -> Any:
    parquet = require("pyarrow.parquet", "meta")
    try:
        return parquet.ParquetFile(path)
    except (require("pyarrow", "meta").ArrowException, OSError) as error:
        raise InputError(f"{path} is no Parquet file ({error}): write it again") from error
