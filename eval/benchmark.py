"""One benchmark run: systems side by side on a collection, effectiveness and efficiency."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rarefy.errors import InputError, InputTypeError
from rarefy.eval.collections.collection import Collection
from rarefy.eval.efficiency import flops, nnz_histogram, search_latency
from rarefy.eval.environment import environment
from rarefy.eval.examples import choose_queries, show_queries
from rarefy.eval.interchange.forms import read_vectors
from rarefy.eval.interchange.trec import write_run
from rarefy.eval.measures import MEASURES, Evaluation, evaluate, parse_measures
from rarefy.eval.run import Run
from rarefy.eval.systems import System, Systems, vectors_system

__all__ = ["SYSTEMS", "bench", "evaluate_system"]

SYSTEMS = ("bm25", "dense", "splade-tiny", "minilm-d2s", "bm25+dense", "bm25+minilm-d2s")

_DEPTH = 1000  # of the runs that are measured
_LATENCY_K = 10  # results asked for when searches are timed


def bench(
    collection: Collection,
    systems: Sequence[str] | None = None,
    *,
    measures: str | Sequence[str] = MEASURES,
    ignore_identical_ids: bool = False,
    progress: bool = False,
) -> dict[str, Any]:
    """Put systems side by side on a collection.

    Parameters
    ----------
    collection
        The documents, queries and judgements. Queries without judgements are not searched.
    systems
        Names: ``"dense"`` (all-MiniLM-L6-v2 and FAISS IndexFlatIP), any name that `rarefy.load`
        takes, or a fusion such as ``"bm25+dense"``. Default: `SYSTEMS`.
    measures
        Names of ir_measures' measures; the first one chooses the examples.
    ignore_identical_ids
        Whether a document whose id is the query's is dropped before measuring.
    progress
        Whether encoding shows progress bars.

    Returns
    -------
    dict
        The content of ``results.json``: ``collection``, ``environment``, ``systems`` and
        ``examples``. Latencies are in microseconds, for the best 10 documents; measures are of
        rankings of 1,000 documents.

    Raises
    ------
    InputError
        If no query is judged, or a system or a measure is unknown; before anything is encoded.
    InputTypeError
        If `systems` is one string.
    MissingExtraError
        If the packages that a system needs are not installed; before anything is encoded, too.
    """
    if isinstance(systems, str):
        raise InputTypeError(
            f"systems is a str, {systems!r}; expected a list of names: [{systems!r}]"
        )
    names = list(dict.fromkeys(SYSTEMS if systems is None else systems))
    if not names:
        raise InputError(f"no systems given; expected names such as {', '.join(SYSTEMS)}")
    parse_measures(measures)  # a wrong name is an error now, not after the encoding
    judged = _judged(collection)
    made = Systems(judged, progress=progress)
    made.load(names)
    ready = [made[name] for name in names]
    return _results(collection, judged, ready, measures, ignore_identical_ids)[0]


def evaluate_system(
    collection: Collection,
    system: str,
    *,
    document_vectors: str | Path | None = None,
    query_vectors: str | Path | None = None,
    measures: str | Sequence[str] = MEASURES,
    ignore_identical_ids: bool = False,
    run: str | Path | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Measure one system on a collection.

    Parameters
    ----------
    collection, measures, ignore_identical_ids, progress
        As for `bench`.
    system
        A name as for `bench`, or ``"vectors"`` for vectors that are given.
    document_vectors, query_vectors
        Files or folders of sparse vectors (see `rarefy.eval.interchange.vectors`), for the
        system ``"vectors"`` alone.
    run
        Where to write the run in TREC form; not written by default.

    Returns
    -------
    dict
        As from `bench`, with one system.

    Raises
    ------
    InputError
        As for `bench`; and if ``"vectors"`` lacks a file, or another system is given one.
    """
    parse_measures(measures)
    judged = _judged(collection)
    given = (document_vectors, query_vectors)
    if system == "vectors":
        if document_vectors is None or query_vectors is None:
            raise InputError(
                "the system 'vectors' needs vectors of the documents and of the queries: give both"
            )
        documents, queries = read_vectors(document_vectors), read_vectors(query_vectors)
        made: System = vectors_system(documents, queries, judged)
    else:
        if given != (None, None):
            raise InputError(f"vectors are given, but the system is {system!r}; expected 'vectors'")
        made = Systems(judged, progress=progress)[system]
    results, runs = _results(collection, judged, [made], measures, ignore_identical_ids)
    if run is not None:
        write_run(run, runs[made.name], tag=made.name.replace(" ", "_"))
    return results


def _judged(collection: Collection) -> Collection:
    judged = collection.judged()
    if not judged.queries:
        raise InputError(
            f"{collection.name} has no judged queries; expected at least one to measure"
        )
    return judged


def _results(
    collection: Collection,
    judged: Collection,
    systems: Sequence[System],
    measures: str | Sequence[str],
    ignore_identical_ids: bool,
) -> tuple[dict[str, Any], dict[str, Run]]:
    runs = {system.name: system.search(_DEPTH) for system in systems}
    evaluations = {
        name: evaluate(run, judged.qrels, measures, ignore_identical_ids=ignore_identical_ids)
        for name, run in runs.items()
    }
    first = next(iter(next(iter(evaluations.values())).mean))
    chosen = choose_queries(
        {name: found.per_query[first] for name, found in evaluations.items()},
        {system.name: system.kind for system in systems},
    )
    results = {
        "collection": {
            "name": collection.name,
            "split": collection.split,
            "documents": len(collection.documents),
            "queries": len(judged.queries),
            "queries_without_judgements": collection.queries_without_judgements,
        },
        "environment": environment(),
        "systems": [
            _row(system, evaluations[system.name], len(judged.queries)) for system in systems
        ],
        "examples": show_queries(chosen, judged, systems, runs),
    }
    return results, runs


def _row(system: System, evaluation: Evaluation, queries: int) -> dict[str, Any]:
    """Return what ``results.json`` says of one system."""
    vectors = system.vectors
    row: dict[str, Any] = {
        "name": system.name,
        "kind": system.kind,
        "description": system.description,
        "measures": evaluation.mean,
        "queries_without_results": evaluation.queries_without_results,
        "per_query": evaluation.per_query,
        "encode_docs_per_s": system.costs.encode_docs_per_s,
        "encode_queries_per_s": system.costs.encode_queries_per_s,
        "index_bytes": system.costs.index_bytes,
        "build_s": system.costs.build_s,
        "search_us": search_latency(lambda query: system.search_one(query, _LATENCY_K), queries),
        "query_nnz": None,
        "document_nnz": None,
        "flops": None,
        "nnz_histogram": None,
    }
    if vectors is not None:
        row["query_nnz"] = float(np.diff(vectors.queries.indptr).mean())
        row["document_nnz"] = float(np.diff(vectors.documents.indptr).mean())
        row["flops"] = flops(vectors.queries, vectors.documents)
        row["nnz_histogram"] = {
            "query": nnz_histogram(vectors.queries),
            "document": nnz_histogram(vectors.documents),
        }
    if system.parts:
        row["parts"] = list(system.parts)
    return row
