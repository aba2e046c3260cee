"""Results as people read them: a table, plots and one self-contained page.

Every function takes the results object of a benchmark run (the content of ``results.json``) and
is pure, but for :func:`write_report`, which writes files.
"""

from rarefy.eval.report.html import render_html, write_report
from rarefy.eval.report.plots import nnz_histogram, quality_against_latency, wins_and_losses
from rarefy.eval.report.table import format_table

__all__ = [
    "format_table",
    "nnz_histogram",
    "quality_against_latency",
    "render_html",
    "wins_and_losses",
    "write_report",
]
