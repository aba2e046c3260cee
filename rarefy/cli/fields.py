"""Fields of documents, from a file of JSON lines."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from rarefy.cli.output import note
from rarefy.errors import InputError
from rarefy.eval.interchange.lines import read_json_lines

__all__ = ["read_fields"]


def read_fields(
    path: Path, ids: Sequence[str], moments: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Return the fields of each document; none for those that the file does not name.

    Parameters
    ----------
    path
        A JSON object a line: ``id``, and fields as `rarefy.index.Index.build` takes them.
    ids
        The documents; lines about others are counted and left out.
    moments
        Fields whose text is a moment in ISO 8601: JSON has no type for them.

    Raises
    ------
    InputError
        If the file is missing or broken, a document occurs twice, a moment is none, or no line has
        a field of moments.
    """
    unseen = set(moments)
    fields: dict[str, dict[str, Any]] = {name: {} for name in ids}
    seen: set[str] = set()
    for number, record in read_json_lines(path):
        name = record.pop("id", None)
        if not isinstance(name, str):
            raise InputError(f"{path}:{number}: id is {name!r}; expected a document's id, a string")
        if name in seen:
            raise InputError(f"{path}:{number}: id {name!r} occurs twice; keep one line")
        seen.add(name)
        unseen -= record.keys()
        for field in moments:
            if record.get(field) is not None:
                record[field] = _moment(record[field], f"{path}:{number}: {field}")
        if name in fields:
            fields[name] = record
    if unseen:
        raise InputError(f"{path}: no line has the field {min(unseen)!r} of --datetime")
    others = len(seen - fields.keys())
    if others:
        note(f"{path}: {others:,} of {len(seen):,} lines are of documents that are not indexed")
    return list(fields.values())


def _moment(text: Any, place: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise InputError(
            f"{place} is {text!r}; expected a moment in ISO 8601, such as '2024-01-31' or "
            f"'2024-01-31T12:00+00:00'"
        ) from None
