"""What the engine is to reach at two sizes of collection, and whether it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

__all__ = [
    "LARGER",
    "LARGEST",
    "LONGEST",
    "SMALLER",
    "best",
    "growth_targets",
    "met",
    "targets",
    "targets_table",
]

EXACT = "rarefy, exact"
LONGEST = 96
"""Non-zeros of the longer queries."""
MILLION = 2**19
"""Collections of so many documents have the bounds of a million."""
SMALLER, LARGER, LARGEST = 131_072, 1_048_576, 4_194_304
"""Documents between which growth is measured; the second is that of the memory of a build."""
Figure = Callable[[dict[str, Any]], float | None]


class Target(NamedTuple):
    """One figure and its bounds.

    Attributes
    ----------
    name : str
    bounds : tuple of (float or None)
        At 131,072 and at 1,048,576 documents; None where there is none.
    figure : callable
        From a result to what was measured, None where that was not.
    sign : str
        "<=" or ">=".
    """

    name: str
    bounds: tuple[float | None, float | None]
    figure: Figure
    sign: str = "<="


def best(result: dict[str, Any], name: str, recall: float) -> dict[str, Any] | None:
    """Return an engine's fastest setting with at least this recall, None if there is none."""
    fitting = [e for e in result["engines"] if e["name"] == name and e["recall"] >= recall]
    return min(fitting, key=lambda engine: engine["search_us"]["mean"], default=None)


def targets(result: dict[str, Any] | None, documents: int) -> list[dict[str, Any]]:
    """Return each target for a number of documents: see `row`.

    Parameters
    ----------
    result
        What `engine.py` measured; None if it did not yet.
    documents
        How many.
    """
    return [
        row(target.name, target.sign, bound, target.figure(result) if result else None)
        for target in TARGETS
        if (bound := target.bounds[documents >= MILLION]) is not None
    ]


def growth_targets(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the targets for growth, of a result of `scaling.py`."""
    sizes = {c["documents"]: c for c in result["collections"]}
    first, large, last = (sizes.get(size) for size in (SMALLER, LARGER, LARGEST))
    ours = peer = None
    if first and last:
        ours = _time(last) / _time(first)
        peer = _peer_growth(first, last)
    return [
        row("recall=.95, time at 4,194,304 / at 131,072 documents", "<=", 6, ours),
        row(
            "that growth / Seismic's growth", "<=", 1,
            ours / peer if ours is not None and peer is not None else None,
        ),
        row(
            "memory peak of the build / bytes of the vectors", "<=", 3,
            large["build_peak_over_csr"] if large else None,
        ),
    ]  # fmt: skip


def row(name: str, sign: str, bound: float, measured: float | None) -> dict[str, Any]:
    """Return a target as it is written: measured and met are None where it was not measured."""
    met = None
    if measured is not None:
        met = measured <= bound if sign == "<=" else measured >= bound
    return {"target": name, "bound": f"{sign} {bound:g}", "measured": measured, "met": met}


def targets_table(columns: Sequence[tuple[str, Sequence[dict[str, Any]]]]) -> str:
    """Return targets as a Markdown table.

    Parameters
    ----------
    columns
        For each size its name and its targets; all targets of either are shown.
    """
    heads = [f" target, {size} | measured | |" for size, _ in columns]
    lines = ["| figure |" + "".join(heads), "|---|" + "--:|--:|---|" * len(columns)]
    by_name = [{target["target"]: target for target in rows} for _, rows in columns]
    order = [target.name for target in TARGETS]
    names = dict.fromkeys(name for rows in by_name for name in rows)
    for name in sorted(names, key=lambda name: order.index(name) if name in order else len(order)):
        cells = (_cells(rows.get(name)) for rows in by_name)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def met(target: dict[str, Any]) -> str:
    """Return the word for a target."""
    return {True: "met", False: "missed", None: "not run"}[target["met"]]


def _cells(target: dict[str, Any] | None) -> str:
    if target is None:
        return " |  | "
    measured = "" if target["measured"] is None else f"{target['measured']:.3g}"
    return f"{target['bound']} | {measured} | {met(target)}"


def _time(collection: dict[str, Any]) -> float:
    """Return the mean time of recall=.95 at k=10."""
    runs = collection["times"]
    return next(
        run["search_us"]["mean"]
        for run in runs
        if run["mode"] == "recall=0.95" and run["shape"] == "k=10"
    )


def _peer_growth(first: dict[str, Any], last: dict[str, Any]) -> float | None:
    """Return how Seismic's S(.95) grows; at a lower recall where it does not reach that."""
    for recall in (0.95, 0.9, 0.85, 0.8):
        ends = [best({"engines": c["peers"]}, "Seismic", recall) for c in (first, last)]
        if ends[0] and ends[1]:
            return ends[1]["search_us"]["mean"] / ends[0]["search_us"]["mean"]
    return None


def _own(result: dict[str, Any], what: str) -> dict[str, Any]:
    return next(e for e in result["engines"] if e["name"] == f"rarefy, {what}")


def _over_seismic(what: str, recall: float) -> Figure:
    """Compare a time with Seismic's best at a recall."""

    def figure(result: dict[str, Any]) -> float | None:
        peer = best(result, "Seismic", recall)
        ours = _own(result, what)["search_us"]["mean"]
        return None if peer is None else ours / peer["search_us"]["mean"]

    return figure


def _over_exact(name: str) -> Figure:
    """Compare a peer's time with that of exact search."""

    def figure(result: dict[str, Any]) -> float | None:
        peer = best(result, name, 0)
        exact = _own(result, "exact")["search_us"]["mean"]
        return None if peer is None else peer["search_us"]["mean"] / exact

    return figure


def _tail(what: str) -> Figure:
    def figure(result: dict[str, Any]) -> float:
        times = _own(result, what)["search_us"]
        return times["p99"] / times["p50"]

    return figure


def _shape(queries: str, k: int) -> Figure:
    """Compare exact search for some queries and k with that for medium queries and k=10."""

    def figure(result: dict[str, Any]) -> float | None:
        times = {
            (s["queries"], s["k"]): s["search_us"]["mean"]
            for s in result["shapes"]
            if s["name"] == EXACT
        }
        taken = times.get((queries, k))
        return None if taken is None else taken / times["medium", 10]

    return figure


def _recall(what: str) -> Figure:
    return lambda result: _own(result, what)["recall"]


def _slowest_filter(result: dict[str, Any]) -> float | None:
    return max((f["over_unfiltered"] for f in result.get("filters", [])), default=None)


def _build(result: dict[str, Any]) -> float | None:
    builds = [e["build_s"] for e in result["engines"] if e["name"] == "Seismic"]
    return _own(result, "exact")["build_s"] / min(builds) if builds else None


def _compact(figure: str) -> Figure:
    """Read what `engine.py` measures of a compact index, once there is one."""
    return lambda result: result.get("compact", {}).get(figure)


def _threads(result: dict[str, Any]) -> float | None:
    return result["two_threads"] and result["two_threads"]["ratio"]


TARGETS = (
    Target("exact / S(.90)", (0.6, None), _over_seismic("exact", 0.9)),
    Target("exact / S(.97)", (None, 0.8), _over_seismic("exact", 0.97)),
    Target("Qdrant's engine / exact", (6, None), _over_exact("Qdrant's engine"), ">="),
    Target("BMP / exact", (25, None), _over_exact("BMP"), ">="),
    Target("Lucene, impact / exact", (50, None), _over_exact("Lucene, impact"), ">="),
    Target("recall=.95 / S(.95)", (0.25, 0.5), _over_seismic("recall=0.95", 0.95)),
    Target("recall=.99 / S(.99)", (0.18, 0.4), _over_seismic("recall=0.99", 0.99)),
    Target("recall of recall=0.9", (0.89, 0.89), _recall("recall=0.9"), ">="),
    Target("recall of recall=0.95", (0.94, 0.94), _recall("recall=0.95"), ">="),
    Target("recall of recall=0.99", (0.98, 0.98), _recall("recall=0.99"), ">="),
    Target("recall of exact", (1, 1), _recall("exact"), ">="),
    Target("p99 / p50, exact", (2, 2.5), _tail("exact")),
    Target("p99 / p50, recall=0.9", (1.6, 1.8), _tail("recall=0.9")),
    Target("p99 / p50, recall=0.95", (1.6, 1.8), _tail("recall=0.95")),
    Target("p99 / p50, recall=0.99", (1.6, 1.8), _tail("recall=0.99")),
    Target("exact, k=100 / k=10", (1.5, 1.5), _shape("medium", 100)),
    Target("exact, k=1000 / k=10", (3, 3), _shape("medium", 1000)),
    Target(f"exact, queries of {LONGEST} / 39 non-zeros", (2, 2), _shape("longest", 10)),
    Target("exact, slowest filter / no filter", (2, 2), _slowest_filter),
    Target("build / Seismic's fastest build", (0.05, 0.05), _build),
    Target("index bytes a posting", (12, 12), lambda result: result["index_bytes_per_posting"]),
    Target("compact index, bytes a posting", (5, 5), _compact("index_bytes_per_posting")),
    Target("compact index, time / exact", (2, 2), _compact("over_exact")),
    Target("batch, one thread / two", (1.85, 1.85), _threads, ">="),
)
