"""``rarefy verify``: whether an index is what was written, and what is left of one that is not."""

from __future__ import annotations

from typing import Annotated

import typer

from rarefy.cli.arguments import IndexFolder

__all__ = ["verify"]


def verify(
    folder: IndexFolder,
    repair: Annotated[
        bool, typer.Option("--repair", help="Drop what is lost, and say what that is.")
    ] = False,
) -> None:
    """Read every byte of an index and compare it with what was written.

    Exit status 0 if all is well, 2 with the place of the damage if not.

    [dim]rarefy verify out/scifact.index[/dim]
    """
    from rarefy.index import Index

    if repair:
        for dropped in Index.repair(folder):
            typer.echo(f"dropped {dropped}")
    Index.verify(folder)
    typer.echo(f"{folder}: sound")
