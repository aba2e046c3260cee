"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = [
    "DEFAULT_MODEL",
    "AsJson",
    "CollectionName",
    "DropUnknown",
    "IgnoreIdenticalIds",
    "IndexFolder",
    "Limit",
    "MadeBy",
    "ModelName",
    "Split",
    "Ties",
]

DEFAULT_MODEL = "minilm-d2s"

CollectionName = Annotated[
    str,
    typer.Argument(
        metavar="COLLECTION",
        show_default=False,
        help="A folder in BEIR or TREC form, pydocs, irds:ID, or a known name such as scifact.",
    ),
]
ModelName = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="minilm-d2s, splade-tiny, bm25, a model folder, or a name on the Hugging Face hub.",
    ),
]
IndexFolder = Annotated[
    Path, typer.Argument(metavar="INDEX", show_default=False, help="The folder of an index.")
]
MadeBy = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        show_default=False,
        help="What encodes texts: by default what made the index.",
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Which judgements to use; test by default.", show_default=False
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Keep N documents at most.", show_default=False),
]
DropUnknown = Annotated[
    bool,
    typer.Option(
        "--drop-unknown", help="Leave out judgements of documents or queries that are not there."
    ),
]
IgnoreIdenticalIds = Annotated[
    bool,
    typer.Option(
        "--ignore-identical-ids",
        help="Leave out results whose id is the query's: ArguAna's queries are its documents.",
    ),
]
Ties = Annotated[
    Literal["trec_eval", "engine"],
    typer.Option(
        help="What orders equal scores: document ids, last first, as published figures have them; "
        "or the engine that found them."
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on stdout.")
]
