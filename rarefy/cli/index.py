"""``rarefy index``: vectors, or a collection that is encoded first, to an index on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rarefy.cli.arguments import DEFAULT_MODEL, DropUnknown, Limit, ModelName, Split
from rarefy.cli.output import note, progress_wanted
from rarefy.errors import InputError

__all__ = ["index"]


def index(
    source: Annotated[
        str,
        typer.Argument(
            metavar="VECTORS|COLLECTION",
            show_default=False,
            help="What rarefy encode wrote, vectors as JSON lines, or a collection.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="INDEX", show_default=False, help="The folder of the index.")
    ],
    model: ModelName = DEFAULT_MODEL,
    limit: Limit = None,
    split: Split = None,
    drop_unknown: DropUnknown = False,
    compact: Annotated[
        bool,
        typer.Option("--compact", help="Keep weights in 8 bits: half the memory, slower."),
    ] = False,
    fields: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.jsonl",
            show_default=False,
            help="Fields to filter by: a JSON object a line, with the id of its document.",
        ),
    ] = None,
    datetimes: Annotated[
        list[str] | None,
        typer.Option(
            "--datetime",
            metavar="FIELD",
            show_default=False,
            help="A field whose text is a moment, such as 2024-01-31; may be repeated.",
        ),
    ] = None,
    texts: Annotated[
        bool,
        typer.Option("--texts", help="Keep the collection's texts too, to be shown with results."),
    ] = False,
) -> None:
    """Build an index from vectors, or from a collection that MODEL encodes.

    Vectors are indexed as they are; they bring their model with them.

    [dim]rarefy index data/scifact --texts --out out/scifact.index
    rarefy index out/documents --out out/scifact.index[/dim]
    """
    import rarefy
    from rarefy.cli.sources import holds_vectors, load_model, vectors_path
    from rarefy.origin import Origin

    if datetimes and fields is None:
        raise InputError("--datetime names a field, and there are none: pass --fields")
    _check_out(out)
    if holds_vectors(source):
        from rarefy.eval import read_vectors

        if texts:
            raise InputError(
                f"--texts keeps the texts of a collection, and {source} holds vectors: name the "
                f"collection, or give the texts as a field of --fields"
            )
        path = vectors_path(source)
        vectors = read_vectors(path)
        origin = Origin.open(path, terms=vectors.terms)
        matrix, ids = vectors.matrix[:limit], vectors.ids[:limit]
        metadata = _metadata(ids, fields, datetimes or ())
        built = rarefy.Index.build(matrix, ids=ids, compact=compact, metadata=metadata)
        built.save(out)
    else:
        from rarefy.eval import load_collection

        collection = load_collection(source, split=split, limit=limit, drop_unknown=drop_unknown)
        names = collection.document_ids
        kept = collection.documents if texts else None
        metadata = _metadata(names, fields, datetimes or (), kept)
        encoder = load_model(model, collection.documents)
        collection.check_read_by(model, encoder.pictured)
        matrix = encoder.encode_documents(collection.documents, progress=progress_wanted())
        built = rarefy.Index.build(matrix, ids=names, compact=compact, metadata=metadata)
        built.save(out)
        origin = Origin.of(encoder, model, out)
    origin.save(out)
    note(
        f"{out}: {len(built):,} documents, {matrix.nnz:,} postings, {built.nbytes / 2**20:,.2f} MiB"
    )


def _metadata(
    ids: Sequence[str],
    fields: Path | None,
    datetimes: Sequence[str],
    texts: Sequence[str] | None = None,
) -> dict[str, Any] | None:
    """Return the columns of what is known of documents; what is wrong is said before the work."""
    from rarefy.cli.fields import read_fields
    from rarefy.index.metadata import Metadata
    from rarefy.search.fields import with_texts

    known: Any = None if fields is None else read_fields(fields, ids, datetimes)
    if texts is not None:
        known = with_texts(list(texts), known)
    return None if known is None else Metadata.of(known, len(ids)).columns


def _check_out(out: Path) -> None:
    """Refuse before the work what `Index.save` would refuse after it."""
    from rarefy.files import output_folder
    from rarefy.index.storage.manifest import check_target

    output_folder(out.parent)
    check_target(out)
