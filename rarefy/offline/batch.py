"""A few thousand documents of a source: where they are, and what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rarefy.errors import InputError
from rarefy.index.vectors import Vectors

__all__ = ["Batch", "Slice", "add_record"]


class Slice(NamedTuple):
    """Where documents are that are neighbours in a source.

    Attributes
    ----------
    path : str
        The file, or the folder of vectors.
    first : int
        The number of its first line or row in the file, counted from 1.
    start, end : int
        Its bytes, or its rows in the group.
    group : int
        The row group of a Parquet file.
    """

    path: str
    first: int
    start: int
    end: int
    group: int = 0


@dataclass
class Batch:
    """The documents of a slice: texts, or vectors.

    Attributes
    ----------
    ids : list of str
    numbers : list of int
        The line or row of each.
    columns : dict
        By field a value each, None where it is missing.
    texts : list of str
        Empty where there are vectors.
    vectors : Vectors or None
    terms : sequence of str
        The names of the vectors' columns.
    """

    ids: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    vectors: Vectors | None = None
    terms: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.ids)


def add_record(batch: Batch, record: Mapping[str, Any], path: str, number: int) -> None:
    """Add a document to a batch, whose `columns` say which fields are taken.

    Its text is its title, a space and its text, stripped. A field is a key of the record, or of
    what it has as ``metadata``.

    Raises
    ------
    InputError
        If its id or its text is no string.
    """
    name = record.get("_id", record.get("id"))
    title, text = record.get("title"), record.get("text")
    if not isinstance(name, str) or not isinstance(text, str) or not isinstance(title, str | None):
        raise InputError(
            f"{path}:{number}: _id (or id) is {name!r:.40}, title {title!r:.40} and text "
            f"{text!r:.40}; expected strings, of which the title may be missing"
        )
    batch.ids.append(name)
    batch.numbers.append(number)
    batch.texts.append((text if title is None else f"{title} {text}").strip())
    beside = record.get("metadata")
    for known, values in batch.columns.items():
        within = record if known in record or not isinstance(beside, Mapping) else beside
        values.append(within.get(known))
