"""What the commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from typing import Any

import typer

__all__ = ["note", "print_json", "progress_wanted"]


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object, and nothing else, on stdout.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    typer.echo(json.dumps(content, sort_keys=True, allow_nan=False, ensure_ascii=False, indent=1))


def note(message: str) -> None:
    """Print a line for people on stderr."""
    typer.echo(message, err=True)


def progress_wanted() -> bool:
    """Whether somebody watches: progress bars are for terminals."""
    return sys.stderr.isatty()
