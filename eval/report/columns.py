"""The figures of a system, one column each: how well it ranks, and what that takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

__all__ = [
    "Column",
    "Results",
    "System",
    "best",
    "columns",
    "cost_columns",
    "primary_measure",
    "quality_columns",
]

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


def _field(*names: str) -> Callable[[System], float | None]:
    def value(system: System) -> float | None:
        found: Any = system
        for name in names:
            found = (found or {}).get(name)
        return found

    return value


def _mebibytes(name: str) -> Callable[[System], float | None]:
    def value(system: System) -> float | None:
        size = system.get(name)
        return None if size is None else size / 2**20

    return value


RECALL = Column(
    "recall",
    "Share of the best 10 of the exact system that this approximation of it finds",
    _field("recall_against_exact"),
    ".4f",
    "more",
)
UNJUDGED = Column(
    "unjudged@10",
    "Share of the best 10 that nobody judged, and so counts as not relevant",
    _field("unjudged@10"),
    ".3f",
    None,
)
COSTS = [
    Column("p50 µs", "Median time to search for one query", _field("search_us", "p50"), ",.0f",
           "less"),
    Column("p95 µs", "95th percentile of that time", _field("search_us", "p95"), ",.0f", "less"),
    Column("p99 µs", "99th percentile of that time", _field("search_us", "p99"), ",.0f", "less"),
    Column("q/s, 1 core", "Queries searched for a second, on one core",
           _field("queries_per_s", "one_core"), ",.0f", "more"),
    Column("q/s, all", "Queries searched for a second, on all cores",
           _field("queries_per_s", "all_cores"), ",.0f", "more"),
    Column("cold ms", "Milliseconds from opening the index to the first answer",
           _field("cold_start_ms"), ",.1f", "less"),
    Column("docs/s", "Documents encoded a second", _field("encode_docs_per_s"), ",.0f", "more"),
    Column("queries/s", "Queries encoded a second", _field("encode_queries_per_s"), ",.0f",
           "more"),
    Column("index MiB", "Memory that a search needs", _mebibytes("index_bytes"), ",.2f", "less"),
    Column("disk MiB", "What the index takes on disk", _mebibytes("disk_bytes"), ",.2f", "less"),
    Column("build s", "Seconds to build the index", _field("build_s"), ",.2f", "less"),
    Column("doc nnz", "Mean number of terms of a document", _field("document_nnz"), ".1f", None),
    Column("query nnz", "Mean number of terms of a query", _field("query_nnz"), ".1f", None),
    Column("FLOPS", "Mean number of terms a query and a document share", _field("flops"), ".2f",
           "less"),
    Column("doc FLOPS", "The same of two documents", _field("document_flops"), ".2f", "less"),
    Column("postings", "Mean number of postings of the terms of a query",
           _field("postings", "mean"), ",.0f", "less"),
]  # fmt: skip
BRIEF = {"p50 µs", "p99 µs", "q/s, 1 core", "docs/s", "index MiB", "build s", "doc nnz",
         "query nnz", "FLOPS"}  # fmt: skip


def primary_measure(results: Results) -> str:
    """Return the measure that plots show: nDCG@10 where it was taken, or else the first."""
    measures = list(results["systems"][0]["measures"]) if results["systems"] else []
    return "nDCG@10" if "nDCG@10" in measures or not measures else measures[0]


def quality_columns(results: Results) -> list[Column]:
    """Return the columns of measures that have a figure for at least one system.

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
    return _present([*measures, RECALL, UNJUDGED], results)


def cost_columns(results: Results, *, brief: bool = False) -> list[Column]:
    """Return the columns of costs that have a figure for at least one system.

    Parameters
    ----------
    results
        The results object of a run.
    brief
        Whether to leave out those that would not fit a terminal.
    """
    return _present([column for column in COSTS if not brief or column.header in BRIEF], results)


def columns(results: Results) -> list[Column]:
    """Return the columns of quality, then those of costs."""
    return [*quality_columns(results), *cost_columns(results)]


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


def _present(every: Sequence[Column], results: Results) -> list[Column]:
    return [
        column
        for column in every
        if any(column.value(system) is not None for system in results["systems"])
    ]
