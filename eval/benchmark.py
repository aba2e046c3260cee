"""One benchmark run: systems side by side on a collection, effectiveness and efficiency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from rarefy.errors import InputError, InputTypeError
from rarefy.eval.breakdown import query_features
from rarefy.eval.checkpoint import Checkpoint
from rarefy.eval.collections.collection import Collection
from rarefy.eval.efficiency import (
    PROTOCOL,
    cold_start,
    document_flops,
    flops,
    found_share,
    nnz_histogram,
    postings,
    search_latency,
    throughput,
)
from rarefy.eval.environment import environment
from rarefy.eval.examples import choose_queries, show_queries
from rarefy.eval.interchange import read_vectors, write_run
from rarefy.eval.measures import MEASURES, evaluate, parse_measures
from rarefy.eval.pareto import dominated
from rarefy.eval.run import Ties
from rarefy.eval.significance import comparisons
from rarefy.eval.systems import Ranked, Rankings, System, Systems, ranked, swept, vectors_system
from rarefy.eval.systems.system import SparseVectors
from rarefy.sparse.texts import progress_bar

__all__ = ["SYSTEMS", "bench", "evaluate_system"]

SYSTEMS = ("bm25", "dense", "splade-tiny", "minilm-d2s", "bm25+dense", "bm25+minilm-d2s")

_DEPTH = 1000  # of the rankings that are measured
_SHOWN = 100  # of the rankings that are kept
_K = 10  # documents asked for when searches are timed
_COSTS = (
    "encode_docs_per_s",
    "encode_queries_per_s",
    "index_bytes",
    "build_s",
    "disk_bytes",
    "search_us",
    "queries_per_s",
    "cold_start_ms",
)
_FEW = 2**20  # documents whose ids are held as objects, for speed


@dataclass(frozen=True)
class _Shown:
    """A measured system, as examples show it."""

    name: str
    vectors: SparseVectors | None


def bench(
    collection: Collection,
    systems: Sequence[str] | None = None,
    *,
    measures: str | Sequence[str] = MEASURES,
    ignore_identical_ids: bool = False,
    ties: Ties = "trec_eval",
    development: Collection | None = None,
    checkpoint: Checkpoint | None = None,
    models: dict[str, Any] | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Put systems side by side on a collection.

    Parameters
    ----------
    collection
        The documents, queries and judgements. Queries without judgements are not searched.
    systems
        Names, as `rarefy.eval.systems.specification` has them: ``"bm25"``, ``"dense"``,
        ``"dense:hnsw:ef=64"``, any name that `rarefy.load` takes, a fusion such as
        ``"bm25+dense"``, a sweep such as ``"minilm-d2s:recall=0.9/0.99"``. Default: `SYSTEMS`.
    measures
        Names of ir_measures' measures; the first one chooses the examples.
    ignore_identical_ids
        Whether a document whose id is the query's is no result, whatever the collection says.
    ties
        What orders equal scores: ``"trec_eval"``, as published figures have them, by document id,
        last first; or ``"engine"``, as the engine of each system does.
    development
        Judged queries, none of them a query of `collection`, to choose the weights of fusions by;
        without it they are equal.
    checkpoint
        Where finished systems are kept, and taken from. A run that was killed goes on there.
    models
        Loaded models by name, filled and used, so that several runs load each once.
    progress
        Whether there are progress bars, on stderr.

    Returns
    -------
    dict
        The content of ``results.json``; ``rarefy/eval/report/results.schema.json`` describes it.
        Measures are of rankings of 1,000 documents; ``protocol`` says how times are taken.

    Raises
    ------
    InputError
        If no query is judged, a system or a measure is unknown, or the development queries are
        not all others than those of the test; before anything is encoded.
    InputTypeError
        If `systems` is one string.
    MissingExtraError
        If the packages that a system needs are not installed; before anything is encoded, too.
    """
    if isinstance(systems, str):
        raise InputTypeError(
            f"systems is a str, {systems!r}; expected a list of names: [{systems!r}]"
        )
    given = SYSTEMS if systems is None else systems
    names = list(dict.fromkeys(single for name in given for single in swept(name)))
    if not names:
        raise InputError(f"no systems given; expected names such as {', '.join(SYSTEMS)}")
    # A wrong name is an error now, not after the encoding.
    asked = [str(measure) for measure in parse_measures(measures)]
    judged = _judged(collection, ignore_identical_ids, ties)
    made = Systems(judged, development=development, models=models, progress=progress)
    tuned_on = None if development is None else development.fingerprint
    settings = (judged.fingerprint, judged.leave_out_own, asked, ties, tuned_on)
    keys = {name: Checkpoint.key(*settings, name) for name in names}
    finished = {name: checkpoint.load(key) if checkpoint else None for name, key in keys.items()}
    made.load(name for name, found in finished.items() if found is None)
    rows: list[dict[str, Any]] = []
    runs: dict[str, Rankings] = {}
    with progress_bar(len(names), progress, f"{judged.name}: systems") as advance:
        for name in names:
            measured = finished[name]
            if measured is None:
                row, whole = _measured(made[name], judged, measures, ties)
                exact = made[name].exact
                if exact is not None:
                    known = runs[exact].found if exact in runs else _best(made[exact], judged)
                    row["recall_against_exact"] = found_share(
                        whole.rows[:, :_K], known.rows[:, :_K]
                    )
                measured = row, Ranked(whole.rows[:, :_SHOWN], whole.scores[:, :_SHOWN])
                if checkpoint:
                    checkpoint.save(keys[name], *measured)
            rows.append(measured[0])
            runs[name] = Rankings(measured[1], judged, ties=ties)
            advance(1)
    shown = [_Shown(name, made.vectors(name)) for name in names]
    lexical = None if judged.pictured else made.vectors("bm25")  # pictures have no words
    results = _results(collection, judged, rows, runs, shown, lexical)
    return {**results, "ties": ties}


def evaluate_system(
    collection: Collection,
    system: str,
    *,
    document_vectors: str | Path | None = None,
    query_vectors: str | Path | None = None,
    measures: str | Sequence[str] = MEASURES,
    ignore_identical_ids: bool = False,
    ties: Ties = "trec_eval",
    run: str | Path | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Measure one system on a collection.

    Parameters
    ----------
    collection, measures, ignore_identical_ids, ties, progress
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
    judged = _judged(collection, ignore_identical_ids, ties)
    made = Systems(judged, progress=progress)
    given = (document_vectors, query_vectors)
    if system == "vectors":
        if document_vectors is None or query_vectors is None:
            raise InputError(
                "the system 'vectors' needs vectors of the documents and of the queries: give both"
            )
        documents, queries = read_vectors(document_vectors), read_vectors(query_vectors)
        chosen: System = vectors_system(documents, queries, judged)
    else:
        if given != (None, None):
            raise InputError(f"vectors are given, but the system is {system!r}; expected 'vectors'")
        made.load([system])
        chosen = made[system]
    row, found = _measured(chosen, judged, measures, ties)
    runs = {chosen.name: Rankings(found, judged, ties=ties)}
    if run is not None:
        write_run(run, dict(runs[chosen.name]), tag=chosen.name.replace(" ", "_"))
    return {**_results(collection, judged, [row], runs, [chosen], None), "ties": ties}


def _judged(collection: Collection, ignore_identical_ids: bool, ties: Ties) -> Collection:
    if ties not in get_args(Ties):
        raise InputError(f"ties is {ties!r}; expected {' or '.join(map(repr, get_args(Ties)))}")
    judged = collection.judged()
    if not judged.queries:
        raise InputError(
            f"{collection.name} has no judged queries; expected at least one to measure"
        )
    if len(judged.documents) <= _FEW:
        judged = replace(judged, document_ids=list(judged.document_ids))
    return replace(judged, leave_out_own=judged.leave_out_own or ignore_identical_ids)


def _measured(
    system: System, judged: Collection, measures: str | Sequence[str], ties: Ties
) -> tuple[dict[str, Any], Ranked]:
    """Return what ``results.json`` says of a system by itself, and what it found."""
    found = ranked(system, judged, depth=_DEPTH, first=_K)
    evaluation = evaluate(Rankings(found, judged, ties=ties), judged.qrels, measures)
    row: dict[str, Any] = {
        "name": system.name,
        "kind": system.kind,
        "description": system.description,
        "settings": system.settings,
        "exact": system.exact,
        "recall_against_exact": None,
        "measures": evaluation.mean,
        "queries_without_results": evaluation.queries_without_results,
        "unjudged@10": evaluation.unjudged,
        "per_query": evaluation.per_query,
        **_costs(system, len(judged.queries)),
        **_work(system.vectors),
    }
    if system.parts:
        row["parts"] = list(system.parts)
    return row, found


def _best(system: System, judged: Collection) -> Ranked:
    return ranked(system, judged, depth=_K, first=_K)


def _costs(system: System, queries: int) -> dict[str, Any]:
    """Return how long a system takes and how large it is."""
    costs = system.costs
    if costs is None:
        return dict.fromkeys(_COSTS)
    cold_start_ms, disk_bytes = cold_start(system.store)
    return {
        "encode_docs_per_s": costs.encode_docs_per_s,
        "encode_queries_per_s": costs.encode_queries_per_s,
        "index_bytes": costs.index_bytes,
        "build_s": costs.build_s,
        "disk_bytes": disk_bytes,
        "search_us": search_latency(lambda query: system.search_one(query, _K), queries),
        "queries_per_s": throughput(
            lambda threads, first: system.search(_K, threads=threads, first=first), queries
        ),
        "cold_start_ms": cold_start_ms,
    }


def _work(vectors: SparseVectors | None) -> dict[str, Any]:
    """Return what a system's vectors stand for, whatever engine searches them."""
    if vectors is None:
        return dict.fromkeys(
            ("query_nnz", "document_nnz", "flops", "document_flops", "postings", "nnz_histogram")
        )
    return {
        "query_nnz": float(np.diff(vectors.queries.indptr).mean()),
        "document_nnz": float(np.diff(vectors.documents.indptr).mean()),
        "flops": flops(vectors.queries, vectors.documents),
        "document_flops": document_flops(vectors.documents),
        "postings": postings(vectors.queries, vectors.documents),
        "nnz_histogram": {
            "query": nnz_histogram(vectors.queries),
            "document": nnz_histogram(vectors.documents),
        },
    }


def _results(
    collection: Collection,
    judged: Collection,
    rows: Sequence[dict[str, Any]],
    runs: dict[str, Rankings],
    shown: Sequence[Any],
    lexical: SparseVectors | None,
) -> dict[str, Any]:
    first = next(iter(rows[0]["measures"]))
    timed = [row for row in rows if row["search_us"] is not None]
    worse = dominated(
        [(r["measures"][first], -r["search_us"]["p50"], -r["index_bytes"]) for r in timed]
    )
    for row, behind in zip(timed, worse.tolist(), strict=True):
        row["dominated"] = behind
    chosen = choose_queries({row["name"]: row["per_query"][first] for row in rows})
    results = {
        "version": 1,
        "collection": {
            "name": collection.name,
            "split": collection.split,
            "language": collection.language,
            "documents": len(collection.documents),
            "queries": len(judged.queries),
            "queries_without_judgements": collection.queries_without_judgements,
            "leave_out_own": judged.leave_out_own,
            "fingerprint": collection.fingerprint,
        },
        "environment": environment(),
        "protocol": PROTOCOL,
        "systems": list(rows),
        "comparisons": comparisons(rows),
        "examples": show_queries(chosen, judged, shown, runs),
    }
    if lexical is not None:
        results["query_features"] = query_features(lexical.documents, lexical.queries, judged)
    return results
