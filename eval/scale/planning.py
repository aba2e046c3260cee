"""From documents and queries to shards, machines and time."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rarefy.errors import InputError
from rarefy.eval.scale.costs import MEASURED, Costs

__all__ = ["Machine", "Plan", "plan"]

DEEP = 10
"""Documents of an answer."""


@dataclass(frozen=True)
class Machine:
    """What a machine has, and how much of it may be used.

    Attributes
    ----------
    memory_gib, cores : float, int
        All of it.
    memory_used, cores_used : float
        Shares that shards and queries may take: the rest is for everything else, and for queues
        that stay short.
    round_trip_us : float
        Of a message between machines, beside what the processor does for it.
    """

    memory_gib: float = 64.0
    cores: int = 16
    memory_used: float = 0.8
    cores_used: float = 0.5
    round_trip_us: float = 500.0


@dataclass(frozen=True)
class Plan:
    """What a collection wants; times without queues.

    Attributes
    ----------
    shards, shard_documents, replicas, levels, machines : int
        Levels of machines that pass a query on, so that none asks more than the fan-out.
    memory_gib : float
        Of all shards with their replicas.
    shard_us, messages_us, merge_us, network_us, latency_us : float
        A query's mean time on a shard, in asking and hearing the machines below on all levels, in
        merging, on the way; and their sum.
    core_seconds : float
        What one query takes of all cores together.
    machines_for_memory, machines_for_queries : int
        The larger is `machines`.
    build_core_hours : float
        Of all shards.
    beyond : bool
        Whether shards are larger than any that was measured.
    """

    shards: int
    shard_documents: int
    replicas: int
    levels: int
    machines: int
    memory_gib: float
    shard_us: float
    messages_us: float
    merge_us: float
    network_us: float
    latency_us: float
    core_seconds: float
    machines_for_memory: int
    machines_for_queries: int
    build_core_hours: float
    beyond: bool

    def to_dict(self) -> dict[str, Any]:
        """Return all attributes."""
        return asdict(self)


def plan(
    documents: int,
    queries_per_second: float,
    *,
    replicas: int = 2,
    shard_documents: int | None = None,
    postings: float | None = None,
    fan_out: int = 32,
    recall: float | None = None,
    machine: Machine | None = None,
    measured: Path = MEASURED,
) -> Plan:
    """Say what a collection wants.

    Parameters
    ----------
    documents
        Of the collection.
    queries_per_second
        To be answered on the mean.
    replicas
        Of each shard.
    shard_documents
        Of a shard at most; by default the largest that was measured, so that nothing is guessed.
    postings
        Of a document; by default the mean of those measured.
    fan_out
        Machines that one asks at most.
    recall
        Of an approximate search, one of those that were measured; None for an exact one.
    machine
        What they are.
    measured
        A file of benchmarks/scale.py.

    Raises
    ------
    InputError
        If something is not positive, the recall was not measured, or a machine cannot hold a
        shard.
    """
    costs = Costs.measured(measured)
    machine = machine or Machine()
    largest = costs.points[-1].documents
    most = largest if shard_documents is None else shard_documents
    for name, value in (
        ("documents", documents),
        ("queries_per_second", queries_per_second),
        ("replicas", replicas),
        ("shard_documents", most),
        ("fan_out - 1", fan_out - 1),
        ("memory_gib", machine.memory_gib),
        ("cores", machine.cores),
        ("postings", 1.0 if postings is None else postings),
    ):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name} is {value}; expected more than 0")
    shards = math.ceil(documents / most)
    each = math.ceil(documents / shards)
    known = costs.points[-1]
    usual = known.postings / known.documents
    density = usual if postings is None else postings
    shape = "k=10" if recall is None else f"recall={recall:g}"
    if shape not in known.shapes:
        there = ", ".join(name.partition("=")[2] for name in known.shapes if "recall" in name)
        raise InputError(f"recall is {recall}; expected None or one that was measured: {there}")
    shard_us = costs.microseconds(each, shape) * density / usual
    levels = math.ceil(round(math.log(max(shards, 2), fan_out), 9))
    widths = [math.ceil(shards ** (1 / levels))] * levels if shards > 1 else []
    record = json.loads(measured.read_text(encoding="utf-8"))
    messages = sum(_line(record["messages"], width) for width in widths)
    merging = sum(_line(record["merge"], width) for width in widths)
    network = machine.round_trip_us * len(widths)
    asked = sum(math.ceil(shards / math.prod(widths[i + 1 :])) for i in range(len(widths)))
    core_us = shards * shard_us + asked * (
        _slope(record["messages"]) + _slope(record["merge"])
    )  # fmt: skip
    memory = shards * costs.bytes(each, each * density) * replicas / 2**30
    room, one = machine.memory_gib * machine.memory_used, memory / (shards * replicas)
    fitting = math.floor(room / one)
    if fitting < 1:
        raise InputError(
            f"a shard of {each} documents takes {one:.3g} GiB, and a machine has {room:.3g} for "
            f"shards: use smaller shards, or larger machines"
        )
    for_memory = math.ceil(shards * replicas / fitting)  # no shard is on two
    for_queries = math.ceil(
        queries_per_second * core_us / 1e6 / (machine.cores * machine.cores_used)
    )  # fmt: skip
    return Plan(
        shards=shards,
        shard_documents=each,
        replicas=replicas,
        levels=len(widths),
        machines=max(for_memory, for_queries, replicas),
        memory_gib=memory,
        shard_us=shard_us,
        messages_us=messages,
        merge_us=merging,
        network_us=network,
        latency_us=shard_us + messages + merging + network,
        core_seconds=core_us / 1e6,
        machines_for_memory=for_memory,
        machines_for_queries=for_queries,
        build_core_hours=shards * costs.build_s(each, each * density) / 3600,
        beyond=each > largest,
    )


def _fit(points: list[dict[str, float]]) -> Any:
    """Return slope and start of microseconds over shards, least squares of relative errors."""
    shards = np.array([point["shards"] for point in points])
    taken = np.array([point["us"] for point in points])
    return np.polyfit(shards, taken, 1, w=1 / taken)


def _line(points: list[dict[str, float]], shards: int) -> float:
    return float(np.polyval(_fit(points), shards))


def _slope(points: list[dict[str, float]]) -> float:
    return float(_fit(points)[0])
