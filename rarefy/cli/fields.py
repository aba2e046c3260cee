"""Fields of documents, from a file of JSON lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rarefy.cli.output import note
from rarefy.errors import InputError
from rarefy.eval.interchange.lines import read_json_lines

__all__ = ["read_fields"]


def read_fields(path: Path, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the fields of each document; none for those that the file does not name.

    Parameters
    ----------
    path
        A JSON object a line: ``id``, and fields as `rarefy.index.Index.build` takes them.
    ids
        The documents; lines about others are counted and left out.

    Raises
    ------
    InputError
        If the file is missing or broken, or a document occurs twice.
    """
    fields: dict[str, dict[str, Any]] = {name: {} for name in ids}
    seen: set[str] = set()
    for number, record in read_json_lines(path):
        name = record.pop("id", None)
        if not isinstance(name, str):
            raise InputError(f"{path}:{number}: id is {name!r}; expected a document's id, a string")
        if name in seen:
            raise InputError(f"{path}:{number}: id {name!r} occurs twice; keep one line")
        seen.add(name)
        if name in fields:
            fields[name] = record
    others = len(seen - fields.keys())
    if others:
        note(f"{path}: {others:,} of {len(seen):,} lines are of documents that are not indexed")
    return list(fields.values())
