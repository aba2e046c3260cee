"""Rankings to measurements: collections, systems, measures, a benchmark run and its report.

    collection -> systems -> runs -> measures, latencies -> results.json -> report

Names are imported when they are first used: nothing here needs torch, FAISS or ir_measures before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rarefy.lazy import lazy as _lazy

if TYPE_CHECKING:
    from rarefy.eval.benchmark import bench, evaluate_system
    from rarefy.eval.collections import Collection, load_collection
    from rarefy.eval.development import development_measure
    from rarefy.eval.interchange import (
        MtebModel,
        Vectors,
        read_qrels,
        read_run,
        read_vectors,
        write_qrels,
        write_run,
        write_vectors,
    )
    from rarefy.eval.measures import Evaluation, evaluate
    from rarefy.eval.report import format_table, merge_results, read_results, write_report
    from rarefy.eval.run import Qrels, Run
    from rarefy.eval.significance import comparisons

_HOME = {
    "Collection": "collections",
    "Evaluation": "measures",
    "MtebModel": "interchange",
    "Qrels": "run",
    "Run": "run",
    "Vectors": "interchange",
    "bench": "benchmark",
    "comparisons": "significance",
    "development_measure": "development",
    "evaluate": "measures",
    "evaluate_system": "benchmark",
    "format_table": "report",
    "load_collection": "collections",
    "merge_results": "report",
    "read_qrels": "interchange",
    "read_results": "report",
    "read_run": "interchange",
    "read_vectors": "interchange",
    "write_qrels": "interchange",
    "write_report": "report",
    "write_run": "interchange",
    "write_vectors": "interchange",
}

__all__ = [
    "Collection",
    "Evaluation",
    "MtebModel",
    "Qrels",
    "Run",
    "Vectors",
    "bench",
    "comparisons",
    "development_measure",
    "evaluate",
    "evaluate_system",
    "format_table",
    "load_collection",
    "merge_results",
    "read_qrels",
    "read_results",
    "read_run",
    "read_vectors",
    "write_qrels",
    "write_report",
    "write_run",
    "write_vectors",
]

__getattr__, __dir__ = _lazy(__name__, _HOME)
