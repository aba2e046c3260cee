"""Tables of the service: its targets, half an hour under load, and the modes of one index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from targets import met

__all__ = ["modes_table", "serving_table", "soak_table"]

AT_RATE = "at_1000_per_second"
TARGETS: list[tuple[str, str, float, Callable[[dict[str, Any]], float]]] = [
    ("searches by vector a second", ">=", 2000, lambda v: v["eight_connections"]["per_second"]),
    ("ms at 1,000 a second, p99", "<=", 10, lambda v: v[AT_RATE]["p99"]),
    ("ms that HTTP adds, p50", "<=", 0.4, lambda v: v["overhead_p50_ms"]),
    ("s from start to ready", "<=", 2, lambda v: v["start_to_ready_s"]),
]
TEXT_TARGETS: list[tuple[str, str, float, Callable[[dict[str, Any]], float]]] = [
    ("ms of a search by text, p50", "<=", 25, lambda t: t["1_clients"]["p50"]),
    ("times as many of 32 clients", ">=", 3, lambda t: t["throughput_of_32_over_1"]),
]
MODES = {
    "sparse": "sparse",
    "sparse, in an index of its own": "the same, in an index of its own",
    "bm25": "bm25",
    "dense": "dense",
    "dense, a matrix product": "the same, by a matrix product",
    "hybrid": "hybrid",
}


def serving_table(result: dict[str, Any]) -> str:
    """Return the targets of the service over HTTP."""
    lines = ["| figure | target | measured | |", "|---|--:|--:|---|"]
    for part, targets in (("vectors", TARGETS), ("texts", TEXT_TARGETS)):
        for name, sign, bound, figure in targets:
            value = figure(result[part])
            good = value >= bound if sign == ">=" else value <= bound
            shown = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
            lines.append(f"| {name} | {sign} {bound:,} | {shown} | {met({'met': good})} |")
    return "\n".join(lines)


def soak_table(result: dict[str, Any]) -> str:
    """Return what a long run under load came to."""
    lines = ["| figure | target | measured | |", "|---|--:|--:|---|"]
    lines += [
        f"| {each['target']} | {each['bound']} | {each['measured']:.3g} | {met(each)} |"
        for each in result["targets"]
    ]
    a_second = sum(life["per_second"] for life in result["lives"]) / 2
    searches = a_second * result["seconds"]
    asked, writes = result["asked_per_second"], result["writes"]
    told = (
        f"{result['seconds'] / 60:g} minutes, {searches:,.0f} searches ({asked:,.0f} a second were "
        f"asked for, {a_second:,.0f} answered), {writes:,} acknowledged writes, one restart"
    )
    return f"{told}:\n\n" + "\n".join(lines)


def modes_table(result: dict[str, Any]) -> str:
    """Return the quality and the times of each mode."""
    collections = result["collections"]
    heads = [
        f" {c['name']}, {c['documents']:,} documents: nDCG@10 | µs, p50 |" for c in collections
    ]
    lines = ["| |" + "".join(heads), "|---|" + "--:|--:|" * len(collections)]
    for mode, title in MODES.items():
        cells = []
        for each in collections:
            found = each["modes"][mode]
            quality = f"{found['nDCG@10']:.4f}" if "nDCG@10" in found else ""
            cells.append(f"{quality} | {found['search_us']['p50']:,.0f}")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    cells = [f" | {each['bytes_per_document']:,.0f}" for each in collections]
    lines.append("| bytes a document |" + " |".join(cells) + " |")
    cells = [f" | {each['bytes_per_document_of_sparse_alone']:,.0f}" for each in collections]
    lines.append("| bytes a document, sparse alone |" + " |".join(cells) + " |")
    return "\n".join(lines)
