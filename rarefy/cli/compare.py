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
            help="Two or more results.json, their folders, or what --json printed; of one "
            "collection.",
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
    """Name each run by its folder or file: by as much of the path as tells the runs apart."""
    from rarefy.errors import InputError

    places = [_place(path.resolve()) for path in paths]
    twice = [place for number, place in enumerate(places) if place in places[:number]]
    if twice:
        raise InputError(f"{twice[0]} is named twice; expected results of different runs")
    depth = 1
    while len({place.parts[-depth:] for place in places}) < len(places):
        depth += 1
    return {"/".join(place.parts[-depth:]): path for place, path in zip(places, paths, strict=True)}


def _place(path: Path) -> Path:
    """Return the folder of a results.json, or the path of another file without its suffix."""
    if path.suffix != ".json":
        return path
    return path.parent if path.name == "results.json" else path.with_suffix("")
