"""Mean time of a query against recall, one line an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

__all__ = ["draw", "frontier"]


def frontier(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the (recall, time) points that no other is better than in both, by recall."""
    kept: list[tuple[float, float]] = []
    for recall, taken in sorted(points, reverse=True):
        if not kept or taken < kept[-1][1]:
            kept.append((recall, taken))
    return kept[::-1]


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the engines of a result to a file."""
    engines: dict[str, list[tuple[float, float]]] = {}
    for engine in result["engines"]:
        name = "rarefy" if engine["name"].startswith("rarefy") else engine["name"]
        engines.setdefault(name, []).append((engine["recall"], engine["search_us"]["mean"]))
    pyplot.rcParams["svg.hashsalt"] = "rarefy"
    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    for name, points in engines.items():
        line = [(r, t) for r, t in frontier(points) if r >= 0.8]
        if line:
            axes.plot(
                *zip(*line, strict=True), marker="o", markersize=4, label=name,
                linewidth=2.5 if name == "rarefy" else 1.2,
            )  # fmt: skip
    axes.set(xlabel="recall@10", ylabel="mean time of a query, µs", yscale="log")
    axes.set_title(
        f"{result['collection']['documents']:,} documents, "
        f"queries of {result['query_nnz']:.0f} non-zeros, one core",
        fontsize=10,
    )
    axes.grid(which="both", alpha=0.25)
    axes.legend(fontsize=8, ncols=2)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)
