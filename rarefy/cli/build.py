"""``rarefy build``: a whole collection encoded and indexed by many processes, on Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rarefy.cli.arguments import DEFAULT_MODEL, ModelName
from rarefy.cli.output import note, progress_wanted
from rarefy.errors import UnavailableError, require

__all__ = ["build"]


def build(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            show_default=False,
            help="JSON lines as in BEIR, Parquet, or vectors: a file or a folder, see docs.",
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            metavar="INDEX", show_default=False, help="A new folder; with --shards also a URL."
        ),
    ],
    model: ModelName = DEFAULT_MODEL,
    shards: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", show_default=False, help="Make a distributed index of N shards."
        ),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", show_default=False, help="Keep this field; may be repeated."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            show_default=False,
            help="Tasks at once; by default all there is room for.",
        ),
    ] = None,
    cpus: Annotated[int, typer.Option(min=1, metavar="N", help="Processors of a task.")] = 1,
    gpus: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="N",
            show_default=False,
            help="GPUs of a task; by default one if any node has one.",
        ),
    ] = None,
    slice_documents: Annotated[
        int, typer.Option("--slice", min=1, metavar="N", help="Documents of a task.")
    ] = 4096,
    segment_documents: Annotated[
        int, typer.Option("--segment", min=1, metavar="N", help="Documents of a segment, at most.")
    ] = 2**20,
    fit_documents: Annotated[
        int,
        typer.Option("--fit", min=1, metavar="N", help="Documents that the model is fitted to."),
    ] = 4096,
    work: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", show_default=False, help="Where the work is kept until it is done."
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            show_default=False,
            help="Of Ray's head; by default RAY_ADDRESS, a Ray here, or a new one (local).",
        ),
    ] = None,
) -> None:
    """Encode SOURCE and build an index of it on all nodes of Ray's.

    When it is cut off, the same command goes on.

    [dim]rarefy build data/scifact --out out/scifact.index
    rarefy build wikipedia/ --out /mnt/shared/wikipedia --shards 16 --field year[/dim]
    """
    from rarefy.offline import build as built

    ray = require("ray", "ray")
    if not ray.is_initialized():
        try:
            ray.init(address, log_to_driver=False, logging_level="error")
        except (ConnectionError, ValueError) as error:
            raise UnavailableError(
                f"no Ray at {address or 'RAY_ADDRESS'} ({error}): start it with `ray start --head`"
            ) from error
    done = built(
        source,
        out,
        model=model,
        shards=shards,
        fields=field or (),
        workers=workers,
        cpus=cpus,
        gpus=gpus,
        slice_documents=slice_documents,
        segment_documents=segment_documents,
        fit_documents=fit_documents,
        work=work,
        progress=progress_wanted(),
    )
    kind = "segments" if shards is None else "shards"
    earlier = f", of which {done.found:,} had been encoded before" if done.found else ""
    note(f"{out}: {done.documents:,} documents{earlier}, in {done.pieces:,} {kind}")
