"""What the engine is to reach, and whether it does."""

from __future__ import annotations

from typing import Any

__all__ = ["best", "targets", "targets_table"]

EXACT = "rarefy, exact"


def best(result: dict[str, Any], name: str, recall: float) -> dict[str, Any] | None:
    """Return an engine's fastest setting with at least this recall, None if there is none."""
    fitting = [e for e in result["engines"] if e["name"] == name and e["recall"] >= recall]
    return min(fitting, key=lambda engine: engine["search_us"]["mean"], default=None)


def targets(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each target with what was measured: null where a peer was not."""
    ours = {engine["name"]: engine for engine in result["engines"]}
    mean = {name: engine["search_us"]["mean"] for name, engine in ours.items()}
    rows: list[dict[str, Any]] = []

    def add(what: str, sign: str, bound: float, measured: float | None) -> None:
        met = None
        if measured is not None:
            met = measured <= bound if sign == "<=" else measured >= bound
        rows.append(
            {"target": what, "bound": f"{sign} {bound:g}", "measured": measured, "met": met}
        )

    def over_seismic(name: str, recall: float) -> float | None:
        peer = best(result, "Seismic", recall)
        return None if peer is None else mean[name] / peer["search_us"]["mean"]

    add("exact / S(.90)", "<=", 0.6, over_seismic(EXACT, 0.9))
    for name, factor in [("Qdrant's engine", 6), ("BMP", 25), ("Lucene, impact", 50)]:
        peer = ours.get(name)
        ratio = None if peer is None else mean[name] / mean[EXACT]
        add(f"{name} / exact", ">=", factor, ratio)
    add("recall=.95 / S(.95)", "<=", 0.25, over_seismic("rarefy, recall=0.95", 0.95))
    add("recall=.99 / S(.99)", "<=", 0.18, over_seismic("rarefy, recall=0.99", 0.99))
    for recall in (0.9, 0.95, 0.99):
        name = f"rarefy, recall={recall}"
        add(f"recall of recall={recall}", ">=", round(recall - 0.01, 2), ours[name]["recall"])
    add("recall of exact", ">=", 1, ours[EXACT]["recall"])
    for name in (n for n in ours if n.startswith("rarefy")):
        times = ours[name]["search_us"]
        bound = 2 if name == EXACT else 1.6
        add(f"p99 / p50, {name[8:]}", "<=", bound, times["p99"] / times["p50"])
    shape = {
        (s["queries"], s["k"]): s["search_us"]["mean"]
        for s in result["shapes"]
        if s["name"] == EXACT
    }
    nnz = {s["queries"]: s["query_nnz"] for s in result["shapes"]}
    base = shape["medium", 10]
    add("exact, k=100 / k=10", "<=", 1.5, shape["medium", 100] / base)
    add("exact, k=1000 / k=10", "<=", 3, shape["medium", 1000] / base)
    longer = f"exact, queries of {nnz['long']:.0f} / {nnz['medium']:.0f} non-zeros"
    add(longer, "<=", 2, shape["long", 10] / base)
    builds = [e["build_s"] for e in result["engines"] if e["name"] == "Seismic"]
    add(
        "build / Seismic's fastest build", "<=", 0.05,
        ours[EXACT]["build_s"] / min(builds) if builds else None,
    )  # fmt: skip
    add("index bytes a posting", "<=", 12, result["index_bytes_per_posting"])
    threads = result["two_threads"]
    add("batch, one thread / two", ">=", 1.85, None if threads is None else threads["ratio"])
    return rows


def targets_table(result: dict[str, Any]) -> str:
    """Return the targets as a Markdown table."""
    lines = ["| ratio | target | measured | |", "|---|--:|--:|---|"]
    for row in result["targets"]:
        measured = "not run" if row["measured"] is None else f"{row['measured']:.3g}"
        word = {True: "met", False: "missed", None: ""}[row["met"]]
        lines.append(f"| {row['target']} | {row['bound']} | {measured} | {word} |")
    return "\n".join(lines)
