"""``rarefy reproduce``: published results, measured again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rarefy.cli.arguments import AsJson
from rarefy.cli.output import note, print_json

if TYPE_CHECKING:
    from rarefy.eval.reproductions import Outcome, Reproduction

__all__ = ["reproduce"]


def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", show_default=False, help="What to measure again."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Everything there is.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            envvar="RAREFY_DATA",
            show_default=False,
            help="Folder of the collections' folders.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Write the table as JSON, too."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure published results again, and say whether they hold.

    Reproduced is what is within .005, SPLADE-v3 to four places.
    Exit status 1 if something differs. Without names, lists what there is.

    [dim]rarefy reproduce splade-v3-nfcorpus --data data
    rarefy reproduce --all --data data[/dim]
    """
    from rarefy.errors import InputError
    from rarefy.eval.reproductions import PUBLISHED, outcome_rows, reproduction
    from rarefy.eval.reproductions import reproduce as measure
    from rarefy.files import output_file

    if not names and not every:
        _list(PUBLISHED)
        return
    if names and every:
        raise InputError("both names and --all are given; expected one of them")
    if data is None:
        raise InputError(
            "where are the collections? --data DIR, or set RAREFY_DATA, to the folder that holds "
            "scifact, nfcorpus and the others"
        )
    if not data.is_dir():
        raise InputError(f"{data} is not a folder; expected that of the collections' folders")
    if out is not None:
        output_file(out)
    chosen = PUBLISHED if every else [reproduction(name, PUBLISHED) for name in names or ()]
    outcomes = []
    for number, made in enumerate(chosen, 1):
        note(f"{number}/{len(chosen)} {made.name}: {made.recipe} on {made.collection}")
        outcomes.append(measure(made, data))
    results = _results(outcome_rows(outcomes))
    if out is not None:
        _write(out, results)
    if as_json:
        print_json(results)
    else:
        _print(outcomes)
    if any(outcome.verdict == "differs" for outcome in outcomes):
        raise typer.Exit(1)


def _results(rows: list[dict[str, Any]]) -> dict[str, Any]:
    from rarefy.eval.environment import environment

    return {"environment": environment(), "rows": rows}


def _write(path: Path, results: dict[str, Any]) -> None:
    import json

    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _list(published: tuple[Reproduction, ...]) -> None:
    for made in published:
        values = ", ".join(f"{measure} {value:.4f}" for measure, value in made.published.items())
        typer.echo(f"{made.name:26}{made.recipe} on {made.collection}: {values}")


def _print(outcomes: list[Outcome]) -> None:
    from rich.console import Console
    from rich.table import Table

    from rarefy.eval.reproductions import outcome_rows

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in ("name", "measure"):
        table.add_column(head, no_wrap=True)
    for head in ("published", "ours", "difference"):
        table.add_column(head, justify="right")
    table.add_column("verdict")
    for row in outcome_rows(outcomes):
        ours, difference = row["ours"], row["difference"]
        table.add_row(
            row["name"],
            row["measure"],
            f"{row['published']:.4f}",
            "-" if ours is None else f"{ours:.4f}",
            "-" if ours is None else f"{round(difference, 4) + 0.0:+.4f}",  # no -0.0000
            row["verdict"],
        )
    Console().print(table)
    for outcome in outcomes:
        if reason := outcome.reason or outcome.reproduction.incomparable:
            typer.echo(f"{outcome.reproduction.name}, {outcome.verdict}: {reason}")
