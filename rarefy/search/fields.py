"""A document's text, kept as a field of its metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rarefy.errors import InputError, InputTypeError

__all__ = ["TEXT", "with_texts"]

TEXT = "text"
"""The field that holds a document's text."""


def with_texts(texts: list[str], metadata: Any) -> Any:
    """Return the metadata of documents with their texts as a field of it.

    Parameters
    ----------
    texts
        One a document.
    metadata
        A mapping from field to one value a document, one mapping a document, or None.

    Raises
    ------
    InputTypeError
        If the metadata is none of these.
    InputError
        If there are more or fewer records than texts, or a field has the name of the texts.
    """
    if metadata is None:
        return {TEXT: texts}
    if isinstance(metadata, Mapping):
        names: Iterable[str] = metadata
        fields: Any = {**metadata, TEXT: texts}
    elif isinstance(metadata, Sequence) and all(isinstance(each, Mapping) for each in metadata):
        names = {name for each in metadata for name in each}
        if len(metadata) != len(texts):
            raise InputError(
                f"there are {len(metadata)} records of metadata for {len(texts)} texts"
            )
        fields = [{**each, TEXT: text} for each, text in zip(metadata, texts, strict=True)]
    else:
        raise InputTypeError(
            f"metadata must be a dict from field to values, or a list of dicts, one a document; "
            f"got {type(metadata).__name__}"
        )
    if TEXT in names:
        raise InputError(f"the metadata has a field {TEXT!r}, which holds the texts: rename it")
    return fields
