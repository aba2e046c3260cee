"""Table and plot of how the cost of a query grows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from targets import best

__all__ = ["draw", "growth_table"]

SHOWN = 0.95
"""The recall of Seismic's fastest setting that is plotted."""
PANELS = (("documents", "k=10"), ("non-zeros of the query", "nnz="), ("k", "k="))


def growth_table(collections: Sequence[dict[str, Any]]) -> str:
    """Return a table: for each collection the build, and times at k = 10 with their recall."""
    modes = list(dict.fromkeys(run["mode"] for run in collections[0]["times"]))
    heads = ["documents", "kind", "build s", "peak/CSR", "B/posting"]
    heads += [part for name in modes for part in (f"{name} us", "p99", "found")]
    lines = ["| " + " | ".join(heads) + " |", "|" + "--:|" * len(heads)]
    for collection in collections:
        cells = [
            f"{collection['documents']:,}",
            collection["kind"],
            f"{collection['build_s']:.1f}",
            f"{collection['build_peak_over_csr']:.2f}",
            f"{collection['bytes_per_posting']:.1f}",
        ]
        for run in collection["times"]:
            if run["shape"] == "k=10":
                cells += [f"{run['search_us']['mean']:.0f}", f"{run['search_us']['p99']:.0f}"]
                cells.append(f"{run['recall']:.3f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(result: dict[str, Any], path: Path) -> None:
    """Plot mean times over documents, over the query's non-zeros and over k."""
    pyplot.rcParams["svg.hashsalt"] = "rarefy"
    collections = result["collections"]
    modes = list(result["models"])
    figure, panels = pyplot.subplots(1, 3, figsize=(12, 4), layout="constrained", sharey=True)
    colours = dict(zip(modes, ("#1b4f72", "#d35400", "#7d8c3a"), strict=True))
    for name in modes:
        points = [
            (c["documents"], run["search_us"]["mean"])
            for c in collections
            for run in c["times"]
            if run["mode"] == name and run["shape"] == "k=10"
        ]
        panels[0].plot(*zip(*points, strict=True), marker="o", color=colours[name], label=name)
        further = [
            (collections[-1]["documents"], points[-1][1]),
            *((p["documents"], p[name]["model_us"]) for p in result["predictions"]),
        ]
        panels[0].plot(*zip(*further, strict=True), marker="x", linestyle=":", color=colours[name])
    peers = [
        (c["documents"], peer["search_us"]["mean"])
        for c in collections
        if (peer := best({"engines": c["peers"]}, "Seismic", SHOWN))
    ]
    if peers:
        panels[0].plot(
            *zip(*peers, strict=True), marker="s", color="#7f7f7f", label=f"Seismic, >= {SHOWN}"
        )
    styles = ("-", "--", ":")
    shown = [c for c in collections if c["documents"] in (131_072, 1_048_576)] or collections[-1:]
    for panel, (label, prefix), key in zip(panels[1:], PANELS[1:], ("nnz", "k"), strict=True):
        for collection, style in zip(shown, styles, strict=False):
            for name in modes:
                points = [
                    (run[key], run["search_us"]["mean"])
                    for run in collection["times"]
                    if run["mode"] == name and run["shape"].startswith(prefix)
                ]
                panel.plot(
                    *zip(*points, strict=True), marker="o", markersize=3, linestyle=style,
                    color=colours[name],
                )  # fmt: skip
        panel.set_title(
            ", ".join(f"{s} {c['documents']:,}" for s, c in zip(styles, shown, strict=False))
        )
        panel.set_xlabel(label)
    panels[0].set_xlabel("documents (crosses: the model)")
    panels[0].set_ylabel("microseconds a query, mean")
    panels[0].legend(frameon=False)
    for panel in panels:
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.grid(True, which="major", alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)
