"""``rarefy compare``: results of earlier runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rarefy.cli.arguments import AsJson
from rarefy.cli.output import note, print_json

__all__ = ["compare"]


def compare(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...",
            show_default=False,
            help="Two or more results.json, or their folders, of one collection.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            show_default=False,
            help="Also write results.json, tables.md and report.html here.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put the systems of earlier runs side by side, and test their differences anew.

    Runs over other documents, queries or judgements are refused.

    [dim]rarefy compare out/monday out/tuesday --out out/both[/dim]
    """
    from rarefy.eval.report import format_table, merge_results, read_results, write_report

    runs = {label: read_results(path) for label, path in _labels(results).items()}
    merged = merge_results(runs)
    report = None if out is None else write_report(merged, out)
    if as_json:
        print_json(merged)
    else:
        typer.echo(format_table(merged))
    if len({str(found["environment"]["cpu"]) for found in runs.values()}) > 1:
        note("The runs are of different machines: their times cannot be compared.")
    if report is not None:
        note(f"Report: {report}")


def _labels(paths: list[Path]) -> dict[str, Path]:
    """Name each run by its folder: by as much of the path as tells the runs apart."""
    from rarefy.errors import InputError

    folders = [(path.parent if path.is_file() else path).resolve() for path in paths]
    twice = [folder for place, folder in enumerate(folders) if folder in folders[:place]]
    if twice:
        raise InputError(f"{twice[0]} is named twice; expected results of different runs")
    depth = 1
    while len({folder.parts[-depth:] for folder in folders}) < len(folders):
        depth += 1
    return {
        "/".join(folder.parts[-depth:]): path for folder, path in zip(folders, paths, strict=True)
    }
