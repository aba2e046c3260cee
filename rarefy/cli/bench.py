"""``rarefy bench``: systems side by side on one collection or several."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rarefy.cli.arguments import AsJson, DropUnknown, IgnoreIdenticalIds, Limit, Split, Ties
from rarefy.cli.output import note, print_json, progress_wanted

if TYPE_CHECKING:
    from rarefy.eval import Collection

__all__ = ["bench"]

_UNFINISHED = "unfinished"  # in the folder of a run: what it has measured so far


def bench(
    collections: Annotated[
        list[str],
        typer.Argument(
            metavar="COLLECTION...",
            show_default=False,
            help="Folders in BEIR or TREC form, pydocs, irds:ID, or known names such as scifact.",
        ),
    ],
    systems: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            show_default="bm25,dense,splade-tiny,minilm-d2s,bm25+dense,bm25+minilm-d2s",
            help="What to compare, separated by commas: any MODEL, with :lucene or :recall=0.95; "
            "dense, with :hnsw:ef=64 or :ivfpq:nprobe=8; run:file=FILE. A+B, minmax=A+B and "
            "zscore=A+B fuse; values separated by slashes, :ef=16/64, are a sweep.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            show_default="out/COLLECTION",
            help="Where results.json and report.html go; a folder in it for each of several "
            "collections. A run that was killed goes on there.",
        ),
    ] = None,
    limit: Limit = None,
    split: Split = None,
    tune_on: Annotated[
        str | None,
        typer.Option(
            metavar="SPLIT",
            show_default=False,
            help="Judgements to choose the weights of fusions by, such as train; where a "
            "collection has none of that name, weights are equal.",
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            show_default=False,
            help="The documents' language, such as de or zh, for lexical systems.",
        ),
    ] = None,
    measures: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            show_default="nDCG@10 RR@10 R@100 R@1000 AP",
            help="Measures of ir_measures, separated by spaces.",
        ),
    ] = None,
    drop_unknown: DropUnknown = False,
    ignore_identical_ids: IgnoreIdenticalIds = False,
    ties: Ties = "trec_eval",
    as_json: AsJson = False,
) -> None:
    """Compare sparse, dense and lexical retrieval: quality, speed and size in one run.

    Prints a table and writes a report with plots and examples.

    [dim]rarefy bench pydocs --out out/demo
    rarefy bench data/scifact --systems bm25,dense,dense:hnsw:ef=16/64/256,minilm-d2s
    rarefy bench scifact nfcorpus --systems bm25,bm25:lucene,minmax=bm25+dense --tune-on train[/dim]
    """
    import rarefy.eval
    from rarefy.errors import InputError, require
    from rarefy.eval.checkpoint import Checkpoint
    from rarefy.eval.measures import MEASURES
    from rarefy.files import output_folder
    from rarefy.sparse.texts import progress_bar

    # What the report will need is found missing before the work, not after it.
    for module in ("jinja2", "matplotlib"):
        require(module, "eval")
    names = None if systems is None else [name.strip() for name in systems.split(",")]
    several, shown = len(collections) > 1, progress_wanted()
    models: dict[str, Any] = {}
    done: dict[Path, dict[str, Any]] = {}
    with progress_bar(len(collections), shown and several, "collections") as advance:
        for name in collections:
            loaded = rarefy.eval.load_collection(
                name, split=split, limit=limit, drop_unknown=drop_unknown, language=language
            )
            place = re.sub(r"[^\w.]+", "-", loaded.name).strip("-")
            folder = output_folder(out / place if out and several else out or Path("out", place))
            if folder in done:
                raise InputError(f"two collections would be written to {folder}; run them apart")
            development = None if tune_on is None else _development(name, tune_on, loaded)
            results = rarefy.eval.bench(
                loaded,
                names,
                measures=measures or MEASURES,
                ignore_identical_ids=ignore_identical_ids,
                ties=ties,
                development=development,
                checkpoint=Checkpoint(folder / _UNFINISHED),
                models=models,
                progress=shown,
            )
            report = rarefy.eval.write_report(results, folder)
            done[folder] = results
            if as_json:
                note(f"Report: {report}")
            else:
                typer.echo(f"{rarefy.eval.format_table(results)}\n\nReport: {report}")
            advance(1)
    for folder in done:
        Checkpoint(folder / _UNFINISHED).clear()
    if as_json:
        found = list(done.values())
        print_json({"collections": found} if several else found[0])


def _development(name: str, split: str, test: Collection) -> Collection | None:
    """Load the judgements that fusions are tuned on, without the queries of the test."""
    from rarefy.errors import InputError
    from rarefy.eval import load_collection
    from rarefy.eval.systems.tuning import shared_queries

    try:
        development = load_collection(name, split=split).judged()
    except InputError as error:
        note(f"{test.name}: the weights of fusions are equal: {error}")
        return None
    shared = shared_queries(test.judged(), development)
    if shared:
        note(
            f"{test.name}: {len(shared)} of the {len(development.queries)} queries of {split} are "
            f"in the test, too, such as {next(iter(shared))}; left out of the tuning"
        )
    return development.without_queries(shared)
