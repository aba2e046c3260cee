"""Tables and plots of how a shard's cost is predicted, and of a cluster of them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot

from rarefy.eval.scale import Cluster, Costs, Outcome, Point, plan, simulate
from rarefy.eval.scale.queueing import (
    answered,
    hedged_quantile,
    largest_mean,
    largest_quantile,
    response_mean,
    response_quantile,
)

__all__ = [
    "cluster_table", "draw", "failing_table", "left_out_table", "plans", "plans_table", "simulated",
    "theory_table",
]  # fmt: skip

SHARDS = 1000
SLOW, TIMES_SLOWER = 0.01, 10.0
"""Share of the requests that meet a straggler, and how many times longer they take."""
HEDGE = 4.0
"""Mean service times after which a request is sent again."""
LOADS = (0.2, 0.4, 0.6, 0.8)
"""Of the capacity that the shards have with one replica each."""
DAY, OUTAGE = 86_400.0, 600.0
"""A replica fails once in a day, for ten minutes."""
SILENT = 0.1
"""Seconds until a request to a replica that is down is sent on: one that is gone says nothing."""
LIVES, OF_A_LIFE, BEFORE = 12, 60, 40
"""Clusters, as what is down when a query comes is much the same for the next; queries of each that
count, and before these."""
RECALLS = (None, 0.95)
COLLECTIONS = (8_841_823, 138_364_198, 10_000_000_000)
COLOURS = {
    "k=10": "#1b4f72", "k=100": "#d35400", "nnz=15": "#7d8c3a", "nnz=5": "#7f7f7f",
    "recall=0.95": "#8e44ad",
}  # fmt: skip


def plans(measured: Path) -> list[dict[str, Any]]:
    """Return what each collection wants at 100 queries a second."""
    return [
        {
            "documents": n,
            "queries_per_second": 100,
            "recall": recall,
            **plan(n, 100, recall=recall, measured=measured).to_dict(),
        }
        for n in COLLECTIONS
        for recall in RECALLS
    ]


def simulated(
    costs: Costs, shards: int = SHARDS, queries: int = 1000, lives: int = LIVES
) -> dict[str, Any]:
    """Simulate a cluster of the largest measured shard at each load, and check it by theory.

    First all replicas stay up, then they fail while stragglers and hedging go on.
    """
    shape = costs.points[-1].shapes["k=10"]
    mean = shape["mean_us"] / 1e6
    relative = np.array(shape["relative"])
    places = np.linspace(0, 1, len(relative))

    def service(rng: np.random.Generator, n: int) -> Any:
        difficulty = np.interp(rng.random(), places, relative)  # of the query, on all shards
        return mean * difficulty * np.where(rng.random(n) < SLOW, TIMES_SLOWER, 1.0)

    busy = mean * (1 + SLOW * (TIMES_SLOWER - 1))
    rows, failing = [], []
    for load in LOADS:
        for replicas, hedge in (
            (1, math.inf),
            (2, math.inf),
            (2, HEDGE),
            (3, math.inf),
            (3, HEDGE),
        ):
            label = {"load": load, "replicas": replicas, "hedged": math.isfinite(hedge)}
            cluster = Cluster(
                service, load / busy, shards, replicas, hedge_after=hedge * mean
            )  # fmt: skip
            found = simulate(cluster, queries)
            rows.append({**label, **_tail([found])})
            if replicas > 1:
                cluster = replace(cluster, fails_after=DAY, back_after=OUTAGE, detected=SILENT)
                found_of = [simulate(cluster, OF_A_LIFE, life, BEFORE) for life in range(lives)]
                failing.append({**label, **_tail(found_of)})
    return {
        "shards": shards,
        "service_ms": mean * 1e3,
        "rows": rows,
        "failing": failing,
        "theory": checked(shards),
    }


def _tail(found: list[Outcome]) -> dict[str, float]:
    """Return the latencies of all queries of several clusters."""
    latencies = np.concatenate([each.latencies for each in found])
    failed = sum(each.failed for each in found)
    p50, p99 = np.quantile(latencies, (0.5, 0.99)) if len(latencies) else (math.inf, math.inf)
    return {
        "p50_ms": float(p50) * 1e3,
        "p99_ms": float(p99) * 1e3,
        "sent": float(np.mean([each.sent for each in found])),
        "answered": len(latencies) / (len(latencies) + failed),
    }


def checked(shards: int) -> list[dict[str, Any]]:
    """Return what is simulated beside what a formula says, in mean service times and in shares."""

    def exponential(rng: np.random.Generator, n: int) -> Any:
        return rng.exponential(1.0, n)

    one = simulate(Cluster(exponential, 0.7, 1, 1), 100_000, warm=2000)
    four = simulate(Cluster(exponential, 3.2, 1, 1, 4), 60_000, warm=2000)
    many = simulate(Cluster(exponential, 1e-6, shards, 1), 1000, warm=0)
    again = simulate(Cluster(exponential, 1e-6, shards, 2, hedge_after=3.0), 1000, warm=0)
    rows = [
        ("M/M/1 at 0.7, mean", one.latencies.mean(), response_mean(0.7, 1.0)),
        ("M/M/1 at 0.7, p99", one.quantile(0.99), response_quantile(0.7, 1.0, 0.99)),
        ("M/M/4 at 0.8, mean", four.latencies.mean(), response_mean(3.2, 1.0, 4)),
        (f"last of {shards:,}, mean", many.latencies.mean(), largest_mean(shards, 1.0)),
        (f"last of {shards:,}, p90", many.quantile(0.9), largest_quantile(shards, 1.0, 0.9)),
        ("the same, hedged after 3", again.quantile(0.9), hedged_quantile(shards, 1.0, 3.0, 0.9)),
    ]
    for replicas in (1, 2, 3):
        cluster = Cluster(
            lambda rng, n: np.full(n, 1e-9), 1 / (10 * DAY), shards, replicas,
            fails_after=DAY, back_after=OUTAGE,
        )  # fmt: skip
        share = 1 - simulate(cluster, 600, warm=0).failed / 600
        down = OUTAGE / (DAY + OUTAGE)
        name = f"queries that find all {shards:,} shards, {replicas} replica{'s' * (replicas > 1)}"
        rows.append((name, share, answered(shards, replicas, down)))
    return [
        {"what": what, "simulated": float(found), "formula": expected}
        for what, found, expected in rows
    ]


def left_out_table(result: dict[str, Any]) -> str:
    """Return how far each size is from what the others predict."""
    names = list(result["left_out"][0]["shapes"])
    heads = ["documents", *(f"{name} us" for name in names), "bytes", "build"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "--:|" * len(heads)]
    for row in result["left_out"]:
        cells = [f"{row['documents']:,}"]
        for name in names:
            shape = row["shapes"][name]
            counted, drawn = (
                shape[key] / shape["measured_us"] - 1 for key in ("counted_us", "drawn_us")
            )
            cells.append(f"{shape['measured_us']:.0f} ({counted:+.0%}, {drawn:+.0%})")
        cells += [f"{row[key][1] / row[key][0] - 1:+.0%}" for key in ("bytes", "build_s")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plans_table(result: dict[str, Any]) -> str:
    """Return what collections want."""
    lines = [
        "| documents | search | shards | memory GiB | machines | for memory | for 100 queries/s "
        "| core s a query | latency ms | on a shard | build, core hours |",
        "|--:|---|" + "--:|" * 9,
    ]
    for row in result["plans"]:
        cells = [
            f"{row['documents']:,}", "exact" if row["recall"] is None else f"{row['recall']:.2f}",
            f"{row['shards']:,} x {row['replicas']}",
            f"{row['memory_gib']:,.0f}", f"{row['machines']:,}", f"{row['machines_for_memory']:,}",
            f"{row['machines_for_queries']:,}", f"{row['core_seconds']:.3g}",
            f"{row['latency_us'] / 1e3:.2f}", f"{row['shard_us'] / 1e3:.2f}",
            f"{row['build_core_hours']:.2g}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cluster_table(result: dict[str, Any]) -> str:
    """Return the tail of the latency by load and replicas."""
    return _by_load(result["cluster"]["rows"])


def failing_table(result: dict[str, Any]) -> str:
    """Return the same where replicas fail, and the share of the queries that were answered."""
    return _by_load(result["cluster"]["failing"])


def _by_load(rows: list[dict[str, Any]]) -> str:
    loads = sorted({row["load"] for row in rows})
    lines = ["| p50, p99 in ms | " + " | ".join(f"load {load:g}" for load in loads) + " |"]
    lines.append("|---|" + "--:|" * len(loads))
    for replicas, hedged in dict.fromkeys((row["replicas"], row["hedged"]) for row in rows):
        cells = [f"{replicas} replica{'s' * (replicas > 1)}{', hedged' * hedged}"]
        for row in rows:
            if (row["replicas"], row["hedged"]) == (replicas, hedged):
                notes = [f"sent {row['sent']:.2f}"] if hedged else []
                notes += [f"answered {row['answered']:.1%}"] if row["answered"] < 1 else []
                said = f" ({', '.join(notes)})" if notes else ""
                cells.append(f"{row['p50_ms']:.1f}, {row['p99_ms']:.1f}{said}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def theory_table(result: dict[str, Any]) -> str:
    """Return what is simulated beside the formulas."""
    lines = ["| | simulated | formula | |", "|---|--:|--:|--:|"]
    for row in result["cluster"]["theory"]:
        off = f"{row['simulated'] / row['formula'] - 1:+.1%}" if row["simulated"] else ""
        lines.append(f"| {row['what']} | {row['simulated']:.4g} | {row['formula']:.4g} | {off} |")
    return "\n".join(lines)


def draw(result: dict[str, Any], points: list[Point], path: Path) -> None:
    """Plot predictions of left-out sizes beside measurements, and the tail beside the load."""
    pyplot.rcParams["svg.hashsalt"] = "rarefy"
    figure, (costs, tail) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name, colour in COLOURS.items():
        rows = [(row["documents"], row["shapes"][name]) for row in result["left_out"]]
        sizes = [documents for documents, _ in rows]
        costs.plot(
            sizes, [shape["measured_us"] for _, shape in rows], "o", color=colour, label=name
        )  # fmt: skip
        costs.plot(sizes, [shape["counted_us"] for _, shape in rows], "x:", color=colour)
    model = Costs(points)
    further = [points[-1].documents, *(2 ** np.arange(21.5, 23.1, 0.5)).tolist()]
    costs.plot(
        further, [model.microseconds(int(n)) for n in further], "--", color=COLOURS["k=10"]
    )  # fmt: skip
    costs.set(
        xscale="log", yscale="log", xlabel="documents of a shard",
        ylabel="us (crosses: predicted from the other sizes)",
    )  # fmt: skip
    costs.legend(frameon=False)
    rows = result["cluster"]["rows"]
    styles = dict(zip([(1, False), (2, False), (2, True), (3, False), (3, True)],
                      ["k-", "C0-", "C0:", "C1-", "C1:"], strict=True))  # fmt: skip
    for (replicas, hedged), style in styles.items():
        chosen = [row for row in rows if (row["replicas"], row["hedged"]) == (replicas, hedged)]
        tail.plot(
            [row["load"] for row in chosen], [row["p99_ms"] for row in chosen], style, marker="o",
            label=f"{replicas} replica{'s' * (replicas > 1)}{', hedged' * hedged}",
        )  # fmt: skip
    tail.set(
        yscale="log", xlabel="load (of one replica's capacity)",
        ylabel=f"p99 ms, {result['cluster']['shards']:,} shards",
    )  # fmt: skip
    tail.legend(frameon=False)
    for panel in (costs, tail):
        panel.grid(True, which="major", alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)
