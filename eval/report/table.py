"""The table of a run: one row a system, as aligned text or as Markdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from rarefy.errors import InputError

__all__ = ["Column", "Results", "System", "best", "columns", "format_table", "primary_measure"]

# The content of results.json, and one of its systems.
Results = dict[str, Any]
System = dict[str, Any]

MISSING = "-"


class Column(NamedTuple):
    """One column of figures.

    Attributes
    ----------
    header
        Short name, with the unit.
    description
        What the figure is, in a sentence.
    value
        The figure of a system; None where it has none.
    form
        Format specification of the figure.
    better
        Whether more or less of it is better; None where neither is.
    """

    header: str
    description: str
    value: Callable[[System], float | None]
    form: str
    better: Literal["more", "less"] | None

    def text(self, system: System) -> str:
        """Return the figure of `system` as it is printed."""
        value = self.value(system)
        return MISSING if value is None else format(value, self.form)


def _measure(name: str) -> Callable[[System], float | None]:
    return lambda system: system["measures"].get(name)


def _search_us(statistic: str) -> Callable[[System], float | None]:
    return lambda system: (system.get("search_us") or {}).get(statistic)


def _field(name: str) -> Callable[[System], float | None]:
    return lambda system: system.get(name)


def _mebibytes(system: System) -> float | None:
    size = system.get("index_bytes")
    return None if size is None else size / 2**20


EFFICIENCY = [
    Column("p50 µs", "Median time to search for one query", _search_us("p50"), ",.0f", "less"),
    Column("p99 µs", "99th percentile of that time", _search_us("p99"), ",.0f", "less"),
    Column("docs/s", "Documents encoded a second", _field("encode_docs_per_s"), ",.0f", "more"),
    Column("queries/s", "Queries encoded a second", _field("encode_queries_per_s"), ",.0f", "more"),
    Column("index MiB", "Memory that a search needs", _mebibytes, ",.2f", "less"),
    Column("build s", "Seconds to build the index", _field("build_s"), ",.2f", "less"),
    Column("doc nnz", "Mean number of terms of a document", _field("document_nnz"), ".1f", None),
    Column("query nnz", "Mean number of terms of a query", _field("query_nnz"), ".1f", None),
    Column(
        "FLOPS", "Mean number of terms a query and a document share", _field("flops"), ".2f", "less"
    ),
]


def primary_measure(results: Results) -> str:
    """Return the measure that plots show: nDCG@10 where it was taken, or else the first."""
    measures = list(results["systems"][0]["measures"]) if results["systems"] else []
    return "nDCG@10" if "nDCG@10" in measures or not measures else measures[0]


def columns(results: Results) -> list[Column]:
    """Return the columns that have a figure for at least one system.

    Parameters
    ----------
    results
        The results object of a run.
    """
    first = primary_measure(results)
    names = dict.fromkeys(name for system in results["systems"] for name in system["measures"])
    measures = [
        Column(name, f"Mean {name} over the judged queries", _measure(name), ".4f", "more")
        for name in sorted(names, key=lambda name: name != first)
    ]
    return [
        column
        for column in [*measures, *EFFICIENCY]
        if any(column.value(system) is not None for system in results["systems"])
    ]


def best(column: Column, results: Results) -> str | None:
    """Return the best printed figure of `column`, None where no figure is better than another.

    Parameters
    ----------
    column
        A column of the table.
    results
        The results object of a run.
    """
    figures = {
        value: column.text(system)
        for system in results["systems"]
        if (value := column.value(system)) is not None
    }
    if column.better is None or len(set(figures.values())) < 2:
        return None
    return figures[max(figures) if column.better == "more" else min(figures)]


def format_table(results: Results, style: Literal["text", "markdown"] = "text") -> str:
    """Format the figures of a run, one row a system.

    Parameters
    ----------
    results
        The results object of a run.
    style
        ``"text"`` is aligned for a terminal under a line that names the collection;
        ``"markdown"`` is the table alone, the best figure of each column in bold.

    Raises
    ------
    InputError
        If `style` is neither.
    """
    if style not in ("text", "markdown"):
        raise InputError(f"style is {style!r}; expected 'text' or 'markdown'")
    shown = columns(results)
    cells = [["system", *(column.header for column in shown)]]
    for system in results["systems"]:
        row = [system["name"].replace("|", "\\|") if style == "markdown" else system["name"]]
        for column in shown:
            text = column.text(system)
            bold = style == "markdown" and text == best(column, results)
            row.append(f"**{text}**" if bold else text)
        cells.append(row)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    aligned = [
        [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        for row in cells
    ]
    if style == "markdown":
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        return "\n".join(f"| {' | '.join(row)} |" for row in [aligned[0], rule, *aligned[1:]])
    lines = ["  ".join(row) for row in aligned]
    return "\n".join([_caption(results), "", lines[0], "-" * len(lines[0]), *lines[1:]])


def _caption(results: Results) -> str:
    collection = results["collection"]
    split = f" ({collection['split']})" if collection["split"] else ""
    caption = (
        f"{collection['name']}{split}: {collection['documents']:,} documents, "
        f"{collection['queries']:,} queries"
    )
    if unjudged := collection["queries_without_judgements"]:
        caption += f"; {unjudged:,} queries without judgements left out"
    for system in results["systems"]:
        if empty := system["queries_without_results"]:
            caption += f"\n{system['name']}: {empty:,} queries without results, counted as 0"
    return caption
