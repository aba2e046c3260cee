"""The report of a run: one HTML file that needs nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from rarefy.errors import InputError, require
from rarefy.eval.report.plots import (
    nnz_histogram,
    pairs,
    quality_against_latency,
    query_differences,
    wins_and_losses,
)
from rarefy.eval.report.table import Results, System, best, columns, primary_measure
from rarefy.files import output_folder, replaced

__all__ = ["render_html", "write_report"]

HERE = Path(__file__).parent


def render_html(results: Results) -> str:
    """Render the report of a run.

    The page makes no request: style and drawings are part of it. All text that came from the
    collection or the systems is escaped.

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
    environment.globals.update(
        best=lambda column: best(column, results),
        columns=columns(results),
        comparisons=list(_comparisons(results)),
        drawings=_drawings(results),
        headline=_headline(results),
        kinds={system["name"]: system["kind"] for system in results["systems"]},
        measure=primary_measure(results),
    )
    page: str = environment.get_template("report.html").render(results)
    return page


def write_report(results: Results, folder: str | os.PathLike[str]) -> Path:
    """Write ``results.json`` and ``report.html``, each complete or not at all.

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
        If `folder` cannot be written to, or a figure is not finite.
    """
    folder = output_folder(folder)
    try:
        content = json.dumps(results, sort_keys=True, allow_nan=False, ensure_ascii=False, indent=1)
    except ValueError as error:
        raise InputError(f"the results hold a value that JSON has no form for: {error}") from error
    report = folder / "report.html"
    page = render_html(results)
    for path, text in ((folder / "results.json", content + "\n"), (report, page)):
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


def _comparisons(results: Results) -> Iterator[dict[str, Any]]:
    for name, baseline in pairs(results):
        differences = query_differences(results, name, baseline)
        if differences:
            yield {
                "name": name,
                "baseline": baseline,
                "wins": sum(d > 0 for d in differences),
                "ties": sum(d == 0 for d in differences),
                "losses": sum(d < 0 for d in differences),
                "mean": fmean(differences),
                "svg": wins_and_losses(results, name, baseline),
            }


def _drawings(results: Results) -> dict[str, str]:
    systems: Sequence[System] = results["systems"]
    drawings = {}
    if any(system.get("search_us") for system in systems):
        drawings["quality"] = quality_against_latency(results)
    if any(system.get("nnz_histogram") for system in systems):
        drawings["document"] = nnz_histogram(results, "document")
        drawings["query"] = nnz_histogram(results, "query")
    return drawings
