"""Results as people read them: tables, plots and one self-contained page.

Every function takes the results object of a benchmark run (the content of ``results.json``) and
is pure, but for :func:`write_report`, which writes files, and :func:`read_results`.
"""

from rarefy.eval.report.html import render_html, write_report
from rarefy.eval.report.merge import merge_results
from rarefy.eval.report.plots import (
    nnz_histogram,
    quality_against_bytes,
    quality_against_latency,
    wins_and_losses,
)
from rarefy.eval.report.schema import check_results, read_results
from rarefy.eval.report.table import format_table, format_tables

__all__ = [
    "check_results",
    "format_table",
    "format_tables",
    "merge_results",
    "nnz_histogram",
    "quality_against_bytes",
    "quality_against_latency",
    "read_results",
    "render_html",
    "wins_and_losses",
    "write_report",
]
