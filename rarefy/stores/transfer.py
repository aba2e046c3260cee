"""Documents on their way from an index to a store, and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rarefy.errors import InputError, StoreError
from rarefy.index import Documents, Index, Writer, read_documents
from rarefy.index.arguments import check_count
from rarefy.index.columns import arrow, arrow_type
from rarefy.stores.store import Schema, VectorStore

__all__ = ["pull", "push"]

Report = Callable[[int], None]


def push(
    index: Index,
    store: VectorStore,
    *,
    size: int = 1000,
    start: int = 0,
    fingerprint: str | None = None,
    report: Report | None = None,
) -> int:
    """Write an index's documents to a store, a portion at a time, in the order of their rows.

    The collection is made if it is not there. Documents of the same ids are replaced, so that a
    push that was cut off may be repeated, as a whole or from the row that its error names. What the
    store holds beside stays.

    Parameters
    ----------
    index
        What to write: ids, vectors, and metadata with the texts.
    store
        Where to.
    size
        Documents of a portion.
    start
        The first row.
    fingerprint
        Of the model that made the vectors; the collection keeps it, and refuses another's.
    report
        Called with the number of rows that are done, after each portion.

    Returns
    -------
    int
        How many documents were written.

    Raises
    ------
    InputError
        If the collection has another vocabulary, other fields or another model's vectors, or the
        store cannot hold a document.
    StoreError
        If the store cannot be reached or refuses; the message says where to go on.
    """
    check_count("size", size)
    if not 0 <= start <= len(index):
        raise InputError(f"start is {start}; expected a row of the index, 0 to {len(index)}")
    store.create(Schema(index.vocabulary_size, index.fields, fingerprint))
    done = start
    for part in read_documents(index, size, start):
        try:
            store.upsert(part)
        except StoreError as error:
            raise StoreError(f"{error}; {done} rows are done: go on with start={done}") from error
        done += len(part.ids)
        if report is not None:
            report(done)
    return done - start


def pull(
    store: VectorStore, folder: str | Path, *, size: int = 1000, report: Report | None = None
) -> int:
    """Write a store's documents to an index on disk, in one commit.

    The index is made if it is not there; documents of the same ids are replaced, others stay. Rows
    are in the store's order.

    Parameters
    ----------
    store
        What to read.
    folder
        Where to.
    size
        Documents of a portion.
    report
        Called with the number of documents that were read, after each portion.

    Returns
    -------
    int
        How many documents were read.

    Raises
    ------
    InputError
        If the collection was not made by rarefy, or the index has another vocabulary.
    InputTypeError
        If a field is of another type in the index.
    StoreError
        If the store cannot be reached; the index then is what it was.
    """
    check_count("size", size)
    schema = store.schema()
    done = 0
    with Writer(folder, vocabulary_size=schema.vocabulary_size) as writer:
        for part in store.documents(size):
            writer.upsert(part.ids, part.vectors, _columns(part, schema))
            done += len(part.ids)
            if report is not None:
                report(done)
    return done


def _columns(part: Documents, schema: Schema) -> dict[str, Any] | None:
    """Return the metadata by field, of its type even where all values are missing."""
    if not schema.fields:
        return None
    return {
        name: arrow().array([record[name] for record in part.metadata], arrow_type(kind))
        for name, kind in schema.fields.items()
    }
