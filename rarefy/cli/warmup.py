"""``rarefy warmup``: compile the kernels ahead."""

from __future__ import annotations

import time

import typer

__all__ = ["warmup"]


def warmup() -> None:
    """Compile the search kernels now, so that the first search after an installation is quick.

    [dim]rarefy warmup[/dim]
    """
    from rarefy.index.warmup import warm_up

    began = time.perf_counter()
    warm_up()
    typer.echo(f"kernels ready after {time.perf_counter() - began:.1f} s")
