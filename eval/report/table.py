"""The tables of a run, as aligned text or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rarefy.errors import InputError
from rarefy.eval.breakdown import FEATURES
from rarefy.eval.report.breakdowns import breakdowns
from rarefy.eval.report.columns import (
    Column,
    Results,
    best,
    columns,
    cost_columns,
    primary_measure,
    quality_columns,
)
from rarefy.eval.report.differences import beaten, differences, letters

__all__ = ["caption", "format_table", "format_tables"]

Style = Literal["text", "markdown"]

TESTS = (
    "95% bootstrap intervals; p of the paired randomisation test, two-sided,\n"
    "after Holm's correction over all pairs of a measure."
)
MARKS = "Letters after a figure name the systems that it is significantly above (p <= 0.05)."


def format_table(results: Results, style: Style = "text", *, brief: bool = False) -> str:
    """Format the figures of a run, one row a system.

    Parameters
    ----------
    results
        The results object of a run.
    style
        ``"text"`` is for a terminal: quality, differences and the main costs, aligned, under a
        line that names the collection. ``"markdown"`` is one table of all figures, the best of
        each column in bold.
    brief
        Whether a table in Markdown leaves out all but the main costs, as that for a terminal does.

    Raises
    ------
    InputError
        If `style` is neither.
    """
    if style not in ("text", "markdown"):
        raise InputError(f"style is {style!r}; expected 'text' or 'markdown'")
    if style == "markdown":
        main = [*quality_columns(results), *cost_columns(results, brief=True)]
        return _lay_out(_cells(results, main if brief else columns(results), style), style)
    measure = primary_measure(results)
    parts = [caption(results), _lay_out(_cells(results, quality_columns(results), style), style)]
    if rows := _differences(results, measure, style):
        parts += [MARKS, f"Differences in {measure}: {TESTS}", _lay_out(rows, style)]
    if costs := cost_columns(results, brief=True):
        parts.append(_lay_out(_cells(results, costs, style), style))
    return "\n\n".join(parts)


def format_tables(results: Results) -> str:
    """Format every table of a run as one Markdown text: what a paper would show.

    Parameters
    ----------
    results
        The results object of a run.
    """
    measure = primary_measure(results)
    parts = [f"# {results['collection']['name']}", caption(results).replace("\n", "  \n")]
    quality = _cells(results, quality_columns(results), "markdown")
    parts += ["## Quality", _lay_out(quality, "markdown")]
    found = [name for name in _measures(results) if _differences(results, name, "markdown")]
    if found:
        parts += [MARKS, "## Differences", TESTS.replace("\n", " ")]
        for name in sorted(found, key=lambda name: name != measure):
            rows = _differences(results, name, "markdown")
            parts += [f"### {name}", _lay_out(rows, "markdown")]
    for feature, table in breakdowns(results).items():
        header = ["system", *(f"up to {bin.high:.2g}" for bin in table.bins)]
        counts = ["queries", *(str(len(bin.query_ids)) for bin in table.bins)]
        rows = [[_cell(name, "markdown"), *(f"{v:.4f}" for v in values)]
                for name, values in table.means.items()]  # fmt: skip
        parts += [f"## {measure} by {feature}", f"{FEATURES.get(feature, feature)}.",
                  _lay_out([header, counts, *rows], "markdown")]  # fmt: skip
    if costs := cost_columns(results):
        parts += ["## Costs", _lay_out(_cells(results, costs, "markdown"), "markdown")]
    return "\n\n".join(parts) + "\n"


def caption(results: Results) -> str:
    """Say what was measured, and what is odd about it.

    Parameters
    ----------
    results
        The results object of a run.
    """
    collection = results["collection"]
    split = f" ({collection['split']})" if collection["split"] else ""
    text = (
        f"{collection['name']}{split}: {collection['documents']:,} documents, "
        f"{collection['queries']:,} queries"
    )
    if unjudged := collection["queries_without_judgements"]:
        text += f"; {unjudged:,} queries without judgements left out"
    for system in results["systems"]:
        if empty := system["queries_without_results"]:
            text += f"\n{system['name']}: {empty:,} queries without results, counted as 0"
    return text


def _cells(results: Results, shown: Sequence[Column], style: Style) -> list[list[str]]:
    """Return a header and a row for each system, figures marked by what they beat."""
    names, marks = letters(results), beaten(results)
    rows = [["system", *(column.header for column in shown)]]
    for system in results["systems"]:
        name = system["name"]
        letter = names.get(name, " ")
        label = _cell(name, style)
        if names:
            label = f"{letter} {label}" if style == "text" else f"{label} <sup>{letter}</sup>"
        row = [label.replace(" <sup> </sup>", "")]
        for column in shown:
            text = column.text(system)
            if style == "markdown" and text == best(column, results):
                text = f"**{text}**"
            mark = marks.get((column.header, name), "")
            if mark and style == "markdown":
                text += f" <sup>{mark}</sup>"
            elif style == "text" and column.header == primary_measure(results) and names:
                widest = max(len(found) for (m, _), found in marks.items() if m == column.header)
                text += f" {mark.ljust(widest)}" if widest else ""
            row.append(text)
        rows.append(row)
    return rows


def _differences(results: Results, measure: str, style: Style) -> list[list[str]]:
    found = [row for row in differences(results) if row["measure"] == measure]
    header = ["system", "against", "difference", "95% interval", "p", "better", "equal", "worse"]
    rows = [
        [
            _cell(row["system"], style),
            _cell(row["baseline"], style),
            f"{row['difference']:+.4f}",
            f"{row['interval'][0]:+.4f} to {row['interval'][1]:+.4f}",
            _p_value(row["p_holm"]),
            *(f"{row[key]:,}" for key in ("wins", "ties", "losses")),
        ]
        for row in found
    ]
    return [header, *rows] if rows else []


def _p_value(p: float) -> str:
    return f"{p:.4f}" if p >= 0.00005 else "<.0001"


def _measures(results: Results) -> list[str]:
    return list(dict.fromkeys(row["measure"] for row in results.get("comparisons") or ()))


def _cell(text: str, style: Style) -> str:
    return text.replace("|", "\\|") if style == "markdown" else text


def _lay_out(cells: Sequence[Sequence[str]], style: Style) -> str:
    """Align rows; columns of names to the left, others to the right."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = [header in ("system", "against") for header in cells[0]]
    aligned = [
        [c.ljust(w) if names else c.rjust(w) for c, w, names in zip(row, widths, left, strict=True)]
        for row in cells
    ]
    if style == "markdown":
        rule = ["-" * w if names else "-" * (w - 1) + ":" for w, names in
                zip(widths, left, strict=True)]  # fmt: skip
        return "\n".join(f"| {' | '.join(row)} |" for row in [aligned[0], rule, *aligned[1:]])
    lines = ["  ".join(row) for row in aligned]
    return "\n".join(line.rstrip() for line in [lines[0], "-" * len(lines[0]), *lines[1:]])
