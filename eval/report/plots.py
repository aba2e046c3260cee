"""Plots as inline SVG: quality against latency, vector sizes, per-query wins and losses.

Colours are written as CSS custom properties (``var(--ink)``), so one drawing serves a light and a
dark page; the page that holds it defines them. Text stays text.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from rarefy.errors import require
from rarefy.eval.report.columns import Results, System, primary_measure
from rarefy.eval.report.differences import query_differences
from rarefy.eval.report.labels import label_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "nnz_histogram",
    "quality_against_bytes",
    "quality_against_latency",
    "wins_and_losses",
]

# Stand-ins that matplotlib draws with, each replaced by the custom property of its name.
_NAMES = ("ink", "muted", "rule", "sparse", "dense", "lexical", "hybrid", "win", "loss")
COLOURS = {name: f"#fe01{number:02x}" for number, name in enumerate(_NAMES)}
MARKERS = {"sparse": "o", "dense": "s", "lexical": "^", "hybrid": "D"}

# SVG units, of which one is about a CSS pixel wherever the page shows the drawing.
WIDE, NARROW = 400, 240
FONT_SIZE = 11

BARS = 240  # the most that are drawn of a pair


def quality_against_latency(results: Results) -> str:
    """Draw each system's quality (the primary measure) over its median search time (log axis).

    The line joins the systems that no other one beats in both. Systems that another one beats in
    quality, time and memory together are grey, and have no name if they only approximate another.

    Parameters
    ----------
    results
        The results object of a run; systems without a search time are left out.

    Returns
    -------
    str
        One ``<svg>`` element.
    """
    measure = primary_measure(results)
    systems = [s for s in results["systems"] if s.get("search_us") and measure in s["measures"]]
    points = [(s["search_us"]["p50"], s["measures"][measure]) for s in systems]
    labels = ("median search time of one query", measure)
    return _draw(lambda: _scatter(systems, points, labels, _duration), "quality")


def quality_against_bytes(results: Results) -> str:
    """Draw each system's quality over the bytes that its searches need, as for the time.

    Parameters
    ----------
    results
        The results object of a run; systems without a size are left out.

    Returns
    -------
    str
        One ``<svg>`` element.
    """
    measure = primary_measure(results)
    systems = [s for s in results["systems"] if s.get("index_bytes") and measure in s["measures"]]
    points = [(s["index_bytes"] / 2**20, s["measures"][measure]) for s in systems]
    labels = ("memory that a search needs", measure)
    return _draw(lambda: _scatter(systems, points, labels, lambda size: f"{size:,g} MiB"), "bytes")


def nnz_histogram(results: Results, side: Literal["document", "query"]) -> str:
    """Draw how many terms the vectors of each sparse or lexical system have, one row a system.

    Parameters
    ----------
    results
        The results object of a run; systems without a histogram are left out, and so are those
        that approximate another one, whose vectors they have.
    side
        Which vectors.

    Returns
    -------
    str
        One ``<svg>`` element.
    """
    systems = [s for s in results["systems"] if s.get("nnz_histogram") and not s.get("exact")]
    return _draw(lambda: _histograms(systems, side), f"nnz-{side}")


def wins_and_losses(results: Results, name: str, baseline: str) -> str:
    """Draw the per-query difference of two systems in the primary measure, best query first.

    Parameters
    ----------
    results
        The results object of a run.
    name, baseline
        Names of the two systems; above zero `name` is better.

    Returns
    -------
    str
        One ``<svg>`` element.

    Raises
    ------
    InputError
        If the run has no system of that name.
    """
    found = sorted(query_differences(results, name, baseline), reverse=True)
    step = -(-len(found) // BARS) or 1  # every so manyth: more would be thinner than a pixel
    return _draw(lambda: _difference_bars(found[::step]), f"pair-{name}-{baseline}")


def _scatter(
    systems: Sequence[System],
    points: Sequence[tuple[float, float]],
    labels: tuple[str, str],
    form: Callable[[float], str],
) -> Figure:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure, (axes,) = _figure(WIDE, 290)
    axes.set_xscale("log")
    if points:
        costs, values = zip(*points, strict=True)
        spread = max(max(values) - min(values), 0.02)
        # A decade at least: within less the axis would name every step.
        room = max(2.0, (10 * min(costs) / max(costs)) ** 0.5)
        axes.set_xlim(min(costs) / room, max(costs) * room)
        axes.set_ylim(min(values) - 0.2 * spread, max(values) + 0.2 * spread)
    # A system on the line is beaten by no cheaper one.
    frontier = [
        (cost, value)
        for cost, value in sorted(points, key=lambda point: (point[0], -point[1]))
        if value >= max(v for c, v in points if c <= cost)
    ]
    axes.plot(*zip(*frontier, strict=True) if frontier else ([], []), color=COLOURS["muted"],
              linewidth=1, linestyle=(0, (3, 3)), zorder=1)  # fmt: skip
    for system, (cost, value) in zip(systems, points, strict=True):
        marker, colour = MARKERS[system["kind"]], COLOURS[system["kind"]]
        if system.get("dominated"):
            style: dict[str, Any] = {"color": COLOURS["muted"], "markersize": 5, "alpha": 0.45}
        else:
            style = {"color": colour, "markersize": 7.5}
        axes.plot([cost], [value], marker, zorder=2, **style)
    left, right = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if right < 200 * left else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: form(cost)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(True, color=COLOURS["rule"], linewidth=0.7)
    axes.set_xlabel(labels[0], parse_math=False)
    axes.set_ylabel(labels[1], parse_math=False)
    figure.tight_layout(pad=0.3)
    named = [n for n, s in enumerate(systems) if not (s.get("exact") and s.get("dominated"))]
    names = [systems[n]["name"] for n in named]
    label_points(axes, names, [points[n] for n in named], line=frontier)
    return figure


def _histograms(systems: Sequence[System], side: Literal["document", "query"]) -> Figure:
    rows = max(1, len(systems))
    figure, every_axes = _figure(WIDE, 34 + 66 * rows, rows)
    for axes, system in zip(every_axes, systems, strict=False):
        colour = COLOURS[system["kind"]]
        histogram = system["nnz_histogram"][side]
        total = sum(histogram["counts"]) or 1
        shares = [100 * count / total for count in histogram["counts"]]
        axes.stairs(shares, histogram["edges"], fill=True, color=colour, alpha=0.75)
        axes.set_ylim(0, max([*shares, 1]) * 1.05)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        mean = system[f"{side}_nnz"]
        title: dict[str, Any] = {"pad": 3, "fontsize": FONT_SIZE, "parse_math": False}
        axes.set_title(system["name"], loc="left", color=COLOURS["ink"], **title)
        axes.set_title(f"mean {mean:,.1f}", loc="right", color=COLOURS["muted"], **title)
    every_axes[0].set_xlim(left=0)
    every_axes[-1].set_xlabel(f"terms in a {side}")
    figure.tight_layout(pad=0.3, h_pad=0.6)
    return figure


def _difference_bars(differences: Sequence[float]) -> Figure:
    figure, (axes,) = _figure(NARROW, 150)
    edges = range(len(differences) + 1)
    axes.stairs([max(d, 0) for d in differences], edges, fill=True, color=COLOURS["win"])
    axes.stairs([min(d, 0) for d in differences], edges, fill=True, color=COLOURS["loss"])
    axes.axhline(0, color=COLOURS["muted"], linewidth=0.8)
    axes.set_xlim(0, max(1, len(differences)))
    axes.set_ylim(-1.02, 1.02)
    axes.set_yticks([-1, -0.5, 0, 0.5, 1], ["−1", "−.5", "0", "+.5", "+1"])
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.grid(True, axis="y", color=COLOURS["rule"], linewidth=0.7)
    figure.tight_layout(pad=0.3)
    return figure


def _figure(width: int, height: int, rows: int = 1) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    grid = figure.subplots(rows, 1, sharex=True, squeeze=False)
    for axes in (every_axes := [row[0] for row in grid]):
        axes.set_axisbelow(True)
        axes.set_facecolor("none")
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(COLOURS["rule"])
        axes.tick_params(which="both", color=COLOURS["rule"], labelcolor=COLOURS["muted"])
        axes.tick_params(which="minor", length=0)
        axes.xaxis.label.set_color(COLOURS["muted"])
        axes.yaxis.label.set_color(COLOURS["muted"])
    return figure, every_axes


def _draw(figure: Callable[[], Figure], prefix: str) -> str:
    """Return the figure as one SVG element whose ids start with `prefix`."""
    matplotlib: Any = require("matplotlib", "eval")
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": prefix,
        "font.size": FONT_SIZE,
        "text.color": COLOURS["ink"],
    }
    stream = io.StringIO()
    with matplotlib.rc_context(settings):
        figure().savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    svg = stream.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    # Several drawings share a page, so their ids must differ.
    slug = re.sub(r"[^\w-]+", "-", prefix)
    svg = re.sub(r'(\bid="|"#|url\(#)', rf"\g<1>{slug}-", svg)
    for name, stand_in in COLOURS.items():
        svg = svg.replace(stand_in, f"var(--{name})")
    return svg.strip()


def _duration(us: float) -> str:
    return f"{us:g} µs" if us < 1000 else f"{us / 1000:g} ms" if us < 1e6 else f"{us / 1e6:g} s"
