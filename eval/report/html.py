"""The report of a run: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rarefy.errors import InputError, require
from rarefy.eval.breakdown import FEATURES
from rarefy.eval.report.breakdowns import breakdowns
from rarefy.eval.report.columns import (
    Results,
    System,
    best,
    cost_columns,
    primary_measure,
    quality_columns,
)
from rarefy.eval.report.differences import LEVEL, beaten, differences, letters, pairs
from rarefy.eval.report.plots import (
    nnz_histogram,
    quality_against_bytes,
    quality_against_latency,
    wins_and_losses,
)
from rarefy.eval.report.queries import query_data
from rarefy.eval.report.schema import check_results
from rarefy.eval.report.table import format_tables
from rarefy.files import output_folder, replaced

__all__ = ["render_html", "write_report"]

HERE = Path(__file__).parent

PANELS = 12  # the most drawings of wins and losses


def render_html(results: Results) -> str:
    """Render the report of a run.

    The page makes no request: style, script and drawings are part of it, and its policy lets no
    other script run. All text that came from the collection or the systems is escaped.

    Parameters
    ----------
    results
        The results object of a run.

    Raises
    ------
    MissingExtraError
        If jinja2 or matplotlib is not installed.
    """
    jinja2: Any = require("jinja2", "eval")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (HERE / "report.js").read_text(encoding="utf-8")
    digest = hashlib.sha256(script.encode()).digest()
    marks = beaten(results)
    environment.globals.update(
        beaten=lambda measure, name: marks.get((measure, name), ""),
        best=lambda column: best(column, results),
        breakdowns=breakdowns(results),
        costs=cost_columns(results),
        differences=differences(results),
        digest=base64.b64encode(digest).decode(),
        drawings=_drawings(results),
        features=FEATURES,
        headline=_headline(results),
        kinds={system["name"]: system["kind"] for system in results["systems"]},
        letters=letters(results),
        level=LEVEL,
        measure=primary_measure(results),
        panels=list(_panels(results)),
        protocol=results.get("protocol") or {},
        quality=quality_columns(results),
        queries=query_data(results),
        runs=results.get("runs") or [],
        script=script,
        widest=max((abs(end) for row in differences(results) for end in row["interval"]), default=1)
        or 1,
    )
    page: str = environment.get_template("report.html").render(results)
    return page


def write_report(results: Results, folder: str | os.PathLike[str]) -> Path:
    """Write ``results.json``, ``tables.md`` and ``report.html``, each complete or not at all.

    Parameters
    ----------
    results
        The results object of a run.
    folder
        Where the files go; made if it is missing.

    Returns
    -------
    Path
        The path of the report.

    Raises
    ------
    InputError
        If `folder` cannot be written to, a figure is not finite, or the results have not the form
        of ``results.schema.json``.
    """
    folder = output_folder(folder)
    try:
        content = json.dumps(results, sort_keys=True, allow_nan=False, ensure_ascii=False, indent=1)
    except ValueError as error:
        raise InputError(f"the results hold a value that JSON has no form for: {error}") from error
    check_results(results)
    report = folder / "report.html"
    files = {
        folder / "results.json": content + "\n",
        folder / "tables.md": format_tables(results),
        report: render_html(results),
    }
    for path, text in files.items():
        with replaced(path) as stream:
            stream.write(text.encode())
    return report


def _headline(results: Results) -> str:
    """Name the best and the fastest system."""
    measure = primary_measure(results)
    scored = [system for system in results["systems"] if measure in system["measures"]]
    timed = [system for system in results["systems"] if system.get("search_us")]
    if len(scored) < 2:
        return ""
    first = max(scored, key=lambda system: system["measures"][measure])
    sentence = f"{first['name']} ranks best, with {measure} {first['measures'][measure]:.4f}"
    if timed:
        fastest = min(timed, key=_median)
        also = ", and" if fastest is first else f"; {fastest['name']}"
        sentence += f"{also} searches fastest, in {_median(fastest):,.0f} µs"
    return sentence + "."


def _median(system: System) -> float:
    return float(system["search_us"]["p50"])


def _panels(results: Results) -> Iterator[dict[str, Any]]:
    """Yield the pairs to draw: approximations are so close to their exact system that none is."""
    approximate = {system["name"] for system in results["systems"] if system.get("exact")}
    measure = primary_measure(results)
    tested = {(row["system"], row["baseline"]): row for row in differences(results)
              if row["measure"] == measure}  # fmt: skip
    drawn = [pair for pair in pairs(results) if pair in tested and pair[0] not in approximate]
    for name, baseline in drawn[:PANELS]:
        yield {**tested[name, baseline], "svg": wins_and_losses(results, name, baseline)}


def _drawings(results: Results) -> dict[str, str]:
    systems = results["systems"]
    drawings = {}
    if any(system.get("search_us") for system in systems):
        drawings["time"] = quality_against_latency(results)
    if any(system.get("index_bytes") for system in systems):
        drawings["bytes"] = quality_against_bytes(results)
    if any(system.get("nnz_histogram") for system in systems):
        drawings["document"] = nnz_histogram(results, "document")
        drawings["query"] = nnz_histogram(results, "query")
    return drawings
