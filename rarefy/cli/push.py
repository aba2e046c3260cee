"""``rarefy push`` and ``rarefy pull``: an index's documents to a database, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from rarefy.cli.output import note, progress_wanted

__all__ = ["pull", "push"]

Address = Annotated[
    str, typer.Argument(metavar="STORE", show_default=False, help="The address of a store.")
]
Size = Annotated[int, typer.Option(min=1, metavar="N", help="Documents that go at a time.")]


def push(
    folder: Annotated[
        Path, typer.Argument(metavar="INDEX", show_default=False, help="The folder of an index.")
    ],
    store: Address,
    size: Size = 1000,
    start: Annotated[
        int, typer.Option(min=0, metavar="ROW", help="Go on here with a push that was cut off.")
    ] = 0,
) -> None:
    """Write the documents of an index to another database: vectors, fields and texts.

    Documents of the same ids are replaced, so that a push may be repeated. A STORE is one of

    milvus://HOST:PORT/COLLECTION or milvus:FILE.db/COLLECTION
    qdrant://HOST:PORT/COLLECTION or qdrant:FOLDER/COLLECTION
    postgresql://USER@HOST/DATABASE/TABLE, with ?index=hnsw for approximate search
    elasticsearch://HOST:PORT/INDEX or opensearch://HOST:PORT/INDEX

    [dim]rarefy push out/scifact.index milvus:out/milvus.db/scifact[/dim]
    """
    from rarefy.index import Index
    from rarefy.origin import Origin
    from rarefy.stores import open_store
    from rarefy.stores import push as write
    from rarefy.stores.secrets import masked

    index = Index.open(folder)
    fingerprint = Origin.open(folder).fingerprint if Origin.has_terms(folder) else None
    opened = open_store(store)
    try:
        with _progress(len(index)) as report:
            count = write(
                index, opened, size=size, start=start, fingerprint=fingerprint, report=report
            )
        note(f"{masked(store)}: {count:,} documents written, {opened.count():,} there")
    finally:
        opened.close()


def pull(
    store: Address,
    folder: Annotated[
        Path, typer.Argument(metavar="INDEX", show_default=False, help="The folder to write.")
    ],
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="INDEX",
            show_default=False,
            help="An index of the same model: its terms and its model are taken over.",
        ),
    ] = None,
    size: Size = 1000,
) -> None:
    """Write the documents of a store, as rarefy push wrote them, to an index.

    Terms and the model stay with the index that was pushed: name it to search the new one by text.

    [dim]rarefy pull milvus:out/milvus.db/scifact out/copy.index --like out/scifact.index[/dim]
    """
    from rarefy.errors import InputError
    from rarefy.origin import Origin
    from rarefy.stores import open_store
    from rarefy.stores import pull as read
    from rarefy.stores.secrets import masked

    origin = None if like is None else Origin.open(like)
    known = [] if origin is None else [origin]
    if Origin.has_terms(folder):  # of the index that is there, which is added to
        known.append(Origin.open(folder))
    opened = open_store(store)
    try:
        schema = opened.schema()
        for other in known:
            if (len(other.terms), other.fingerprint) != (
                schema.vocabulary_size,
                schema.fingerprint,
            ):
                raise InputError(
                    f"{other.home} was made by another model than the vectors of {masked(store)}: "
                    f"name an index of the same model"
                )
        with _progress(opened.count()) as report:
            count = read(opened, folder, size=size, report=report)
    finally:
        opened.close()
    if origin is not None:
        origin.save(folder)
    note(f"{folder}: {count:,} documents")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar, where somebody watches; what it yields says how far it is."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not progress_wanted()) as bar:
        task = bar.add_task("documents", total=total)
        yield lambda done: bar.update(task, completed=done)
