"""``rarefy eval``: one system on one collection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rarefy.cli.arguments import (
    AsJson,
    CollectionName,
    DropUnknown,
    IgnoreIdenticalIds,
    Split,
    Ties,
)
from rarefy.cli.output import note, print_json, progress_wanted

__all__ = ["evaluate"]

VectorsFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        show_default=False,
        help="JSON lines or what rarefy encode wrote; also looked up in the collection's folder.",
    ),
]


def evaluate(
    collection: CollectionName,
    system: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help="bm25, dense, any MODEL, a fusion A+B, or vectors: those of the two files below.",
        ),
    ],
    document_vectors: VectorsFile = None,
    query_vectors: VectorsFile = None,
    measures: Annotated[
        str, typer.Option(metavar="NAMES", help="Measures of ir_measures, separated by spaces.")
    ] = "nDCG@10 RR@10 R@100 R@1000 AP",
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default=False, help="Write the run here, as TREC has it."
        ),
    ] = None,
    split: Split = None,
    drop_unknown: DropUnknown = False,
    ignore_identical_ids: IgnoreIdenticalIds = False,
    ties: Ties = "trec_eval",
    as_json: AsJson = False,
) -> None:
    """Measure one system, or vectors made elsewhere, on a collection.

    [dim]rarefy eval data/scifact --system bm25 --run out/bm25.trec
    rarefy eval data/nfcorpus --system vectors --document-vectors docs.jsonl.gz
    --query-vectors queries.jsonl.gz[/dim]
    """
    from rarefy.cli.sources import vectors_path
    from rarefy.eval import evaluate_system, format_table, load_collection
    from rarefy.files import output_file

    if run is not None:
        output_file(run)
    documents, queries = (
        None if given is None else vectors_path(given, collection)
        for given in (document_vectors, query_vectors)
    )
    results = evaluate_system(
        load_collection(collection, split=split, drop_unknown=drop_unknown),
        system,
        document_vectors=documents,
        query_vectors=queries,
        measures=measures,
        ignore_identical_ids=ignore_identical_ids,
        ties=ties,
        run=run,
        progress=progress_wanted(),
    )
    if as_json:
        print_json(results)
    else:
        typer.echo(format_table(results))
    if run is not None:
        note(f"Run: {run}")
