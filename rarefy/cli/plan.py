"""``rarefy plan``: the machines that a collection wants."""

from __future__ import annotations

from typing import Annotated

import typer

from rarefy.cli.arguments import AsJson
from rarefy.cli.output import print_json

__all__ = ["plan"]


def plan(
    documents: Annotated[
        float,
        typer.Argument(metavar="DOCUMENTS", show_default=False, help="How many, such as 138e6."),
    ],
    queries: Annotated[float, typer.Option(metavar="N", help="Queries a second.")] = 10.0,
    replicas: Annotated[int, typer.Option(metavar="N", help="Replicas of each shard.")] = 2,
    memory: Annotated[float, typer.Option(metavar="GIB", help="Memory of a machine.")] = 64.0,
    cores: Annotated[int, typer.Option(metavar="N", help="Cores of a machine.")] = 16,
    shard: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            show_default=False,
            help="Documents of a shard at most; by default the most that were measured.",
        ),
    ] = None,
    postings: Annotated[
        float | None,
        typer.Option(
            metavar="N", show_default=False, help="Non-zeros of a document; 74 by default."
        ),
    ] = None,
    recall: Annotated[
        float | None,
        typer.Option(
            metavar="R", show_default=False, help="0.95 or 0.99; by default search is exact."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how many machines a collection wants, and how long search will take.

    The figures are of a model that is fitted to measured shards: docs/scale.md.

    [dim]rarefy plan 138e6 --queries 100[/dim]
    """
    from rarefy.errors import InputError
    from rarefy.eval.scale import Machine
    from rarefy.eval.scale import plan as planned

    for name, given in (("DOCUMENTS", documents), ("--shard", shard)):
        if given is not None and not (given >= 1 and given.is_integer()):
            raise InputError(f"{name} is {given}; expected a whole number from 1")
    found = planned(
        int(documents),
        queries,
        replicas=replicas,
        shard_documents=None if shard is None else int(shard),
        postings=postings,
        recall=recall,
        machine=Machine(memory_gib=memory, cores=cores),
    )
    if as_json:
        print_json(found.to_dict())
        return
    beyond = " (larger than any that was measured)" if found.beyond else ""
    for name, value in (
        ("machines", f"{found.machines:,}"),
        ("  for memory", f"{found.machines_for_memory:,}, {found.memory_gib:,.0f} GiB"),
        (
            "  for queries",
            f"{found.machines_for_queries:,}, {found.core_seconds:,.3g} core seconds a query",
        ),
        (
            "shards",
            f"{found.shards:,} of {found.shard_documents:,} documents{beyond}, "
            f"{found.replicas} replicas",
        ),
        ("mean latency", f"{found.latency_us / 1e3:,.2f} ms without queues"),
        ("  on a shard", f"{found.shard_us / 1e3:,.2f} ms"),
        (
            "  between",
            f"{(found.messages_us + found.merge_us + found.network_us) / 1e3:,.2f} ms "
            f"over {found.levels} levels",
        ),
        ("to build", f"{found.build_core_hours:,.2f} core hours, encoding apart"),
    ):
        typer.echo(f"{name:16}{value}")
