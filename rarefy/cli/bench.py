"""``rarefy bench``: systems side by side on one collection."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from rarefy.cli.arguments import (
    AsJson,
    CollectionName,
    DropUnknown,
    IgnoreIdenticalIds,
    Limit,
    Split,
)
from rarefy.cli.output import note, print_json, progress_wanted

__all__ = ["bench"]


def bench(
    collection: CollectionName,
    systems: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            show_default="bm25,dense,splade-tiny,minilm-d2s,bm25+dense,bm25+minilm-d2s",
            help="What to compare, separated by commas; A+B fuses two. Any MODEL will do.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            show_default="out/COLLECTION",
            help="Where results.json and report.html go.",
        ),
    ] = None,
    limit: Limit = None,
    split: Split = None,
    drop_unknown: DropUnknown = False,
    ignore_identical_ids: IgnoreIdenticalIds = False,
    as_json: AsJson = False,
) -> None:
    """Compare sparse, dense and lexical retrieval: quality, speed and size in one run.

    Prints a table and writes a report with plots and examples.

    [dim]rarefy bench pydocs --out out/demo
    rarefy bench data/scifact --systems bm25,dense,minilm-d2s[/dim]
    """
    import rarefy.eval
    from rarefy.errors import require
    from rarefy.files import output_folder

    # What the report will need is found missing before the work, not after it.
    for module in ("jinja2", "matplotlib"):
        require(module, "eval")
    loaded = rarefy.eval.load_collection(
        collection, split=split, limit=limit, drop_unknown=drop_unknown
    )
    folder = output_folder(out or Path("out", re.sub(r"[^\w.]+", "-", loaded.name).strip("-")))
    names = None if systems is None else [name.strip() for name in systems.split(",")]
    results = rarefy.eval.bench(
        loaded, names, ignore_identical_ids=ignore_identical_ids, progress=progress_wanted()
    )
    report = rarefy.eval.write_report(results, folder)
    if as_json:
        print_json(results)
        note(f"Report: {report}")
    else:
        typer.echo(f"{rarefy.eval.format_table(results)}\n\nReport: {report}")
