"""``rarefy convert``: sparse vectors from one form into another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rarefy.cli.output import note

__all__ = ["convert"]


def convert(
    source: Annotated[
        str,
        typer.Argument(metavar="VECTORS", show_default=False, help="The file or folder to read."),
    ],
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", show_default=False, help="What to write.")
    ],
    scale: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            show_default=False,
            help="Write whole numbers, weights times S; 100 by default for .tsv and .ciff.",
        ),
    ] = None,
) -> None:
    """Write sparse vectors in the form that another tool reads.

    Names tell the forms; the first three may end in .gz, too.

    *.jsonl  JSON lines; with --scale, Anserini's JsonVectorCollection
    *.tsv  Anserini's queries: each term as often as it weighs
    *.ciff  the Common Index File Format, for PISA, BMP and others
    *-embeddings.npz  lsr-benchmark's; * is doc or query
    any other name  a folder, as encode writes it

    [dim]rarefy convert vectors docs.ciff
    rarefy convert docs.jsonl.gz collection/docs.jsonl --scale 100[/dim]
    """
    from rarefy.cli.sources import vectors_path
    from rarefy.eval.interchange import read_vectors, write_vectors

    vectors = read_vectors(vectors_path(source))
    write_vectors(target, vectors.ids, vectors.matrix, terms=vectors.terms, scale=scale)
    note(f"{target}: {len(vectors.ids):,} vectors, {vectors.matrix.nnz:,} weights")
