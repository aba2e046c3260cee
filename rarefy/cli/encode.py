"""``rarefy encode``: texts to sparse vectors on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rarefy.cli.arguments import DEFAULT_MODEL, DropUnknown, Limit, ModelName, Split
from rarefy.cli.output import note, progress_wanted

__all__ = ["encode"]


def encode(
    source: Annotated[
        str,
        typer.Argument(
            metavar="COLLECTION|FILE.jsonl",
            show_default=False,
            help='A collection, or JSON lines: {"_id": "1", "text": "..."}.',
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", show_default=False, help="Where the vectors go.")
    ],
    model: ModelName = DEFAULT_MODEL,
    queries: Annotated[
        bool,
        typer.Option("--queries", help="Encode queries: the collection's, or the file's lines."),
    ] = False,
    limit: Limit = None,
    split: Split = None,
    drop_unknown: DropUnknown = False,
) -> None:
    """Turn texts into sparse vectors: vectors.npz (CSR, float32) and ids.txt.

    [dim]rarefy encode data/scifact --out out/documents
    rarefy encode data/scifact --queries --out out/queries
    rarefy encode notes.jsonl --model bm25 --out out/notes[/dim]
    """
    from rarefy.cli.sources import load_model, read_texts
    from rarefy.eval import load_collection
    from rarefy.eval.interchange import write_vectors
    from rarefy.files import output_folder
    from rarefy.origin import Origin

    ids: Sequence[str]
    texts: Sequence[str]
    documents: Sequence[str]
    collection = None
    if Path(source).is_file():
        ids, texts = (column[:limit] for column in read_texts(Path(source)))
        documents = [] if queries else texts
    else:
        collection = load_collection(source, split=split, limit=limit, drop_unknown=drop_unknown)
        documents = collection.documents
        ids, texts = collection.document_ids, documents
        if queries:
            ids, texts = collection.query_ids, collection.queries
    folder = output_folder(out)
    encoder = load_model(model, documents)
    if collection is not None:
        collection.check_read_by(model, encoder.pictured)
    encoding = encoder.encode_queries if queries else encoder.encode_documents
    matrix = encoding(texts, progress=progress_wanted())
    write_vectors(folder, ids, matrix, terms=encoder.vocabulary.terms)
    Origin.of(encoder, model, folder).save(folder)
    note(
        f"{folder}: {matrix.shape[0]:,} vectors of {matrix.nnz / max(1, matrix.shape[0]):.1f} "
        f"terms on average, out of {matrix.shape[1]:,}"
    )
