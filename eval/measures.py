"""Measures of effectiveness, computed by ir_measures (MacAvaney, Macdonald & Ounis 2022)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import fmean
from typing import Any

from rarefy.errors import InputError, require
from rarefy.eval.run import OrderedRun, Qrels, ranking

__all__ = ["MEASURES", "Evaluation", "evaluate", "parse_measures"]

MEASURES = "nDCG@10 RR@10 R@100 R@1000 AP"

_CHUNK = 256  # queries handed over at a time, so that memory does not grow with their number
_LOOKED_AT = 10  # results of a query in which those without a judgement are counted


@dataclass(frozen=True)
class Evaluation:
    """What measures say of a run.

    Parameters
    ----------
    mean
        Measure -> mean over the judged queries.
    per_query
        Measure -> query id -> value, for every judged query.
    queries
        How many queries are judged: the number that means are over.
    queries_without_results
        How many of those have no document in the run, and so count as 0.
    queries_without_judgements
        How many queries of the run are not judged, and so are left out.
    unjudged
        Share of the best 10 results that have no judgement, and so count as not relevant: the
        mean over the judged queries that have results.
    """

    mean: dict[str, float]
    per_query: dict[str, dict[str, float]]
    queries: int
    queries_without_results: int
    queries_without_judgements: int
    unjudged: float


def parse_measures(measures: str | Sequence[Any]) -> list[Any]:
    """Turn names such as ``"nDCG@10 R@100 RR@10"`` into ir_measures' measures.

    Parameters
    ----------
    measures
        Names, as one string or several; among several, measures of ir_measures themselves, such
        as ``ir_measures.define_byquery`` makes.

    Raises
    ------
    InputError
        If ir_measures does not know a name, or none is given.
    """
    ir_measures = require("ir_measures", "eval")
    names = measures.replace(",", " ").split() if isinstance(measures, str) else measures
    parsed = []
    for name in names:
        try:
            is_measure = isinstance(name, ir_measures.Measure)
            measure: Any = name if is_measure else ir_measures.parse_measure(name)
            supported = ir_measures.DefaultPipeline.supports(measure)
        except (AssertionError, ValueError, NameError, KeyError, SyntaxError, TypeError) as error:
            raise InputError(
                f"no measure {name!r}; expected names such as nDCG@10, R@100, RR@10, AP, P@5 "
                "(ir-measur.es lists them)"
            ) from error
        if measure.params.get("cutoff", 1) < 1:  # trec_eval would end the process
            raise InputError(f"measure {name!r} has a cutoff below 1; expected one such as nDCG@10")
        if not supported:
            raise InputError(
                f"ir_measures has nothing installed that computes {name}; ir-measur.es names the "
                "package that each measure needs"
            )
        parsed.append(measure)
    if not parsed:
        raise InputError(f"no measures given; expected names such as {MEASURES!r}")
    return parsed


def evaluate(
    run: Mapping[str, Mapping[str, float]],
    qrels: Qrels,
    measures: str | Sequence[Any] = MEASURES,
    *,
    ignore_identical_ids: bool = False,
) -> Evaluation:
    """Measure a run against judgements.

    A judged query without results counts as 0, whatever the measure; queries without judgements
    are left out; both are counted. Rank order is that of `rarefy.eval.run.ranking`.

    Parameters
    ----------
    run
        Query id -> document id -> score. A query is looked up once.
    qrels
        Query id -> document id -> grade.
    measures
        As `parse_measures` takes them.
    ignore_identical_ids
        Drop a document whose id is the query's, as Anserini does with -removeQuery: some
        collections hold the queries among the documents.

    Raises
    ------
    InputError
        If a measure is unknown, its provider refuses the ids or grades, or no query is judged.
    """
    if not qrels:
        raise InputError("no judgements; expected at least one judged query to measure")
    parsed = parse_measures(measures)
    per_query = {str(measure): dict.fromkeys(qrels, 0.0) for measure in parsed}
    unjudged: list[float] = []
    query_ids = iter(qrels)
    while chunk := list(islice(query_ids, _CHUNK)):
        ranked = {}
        for query_id in chunk:
            order = _order(run, query_id)
            if ignore_identical_ids:
                order = [document_id for document_id in order if document_id != query_id]
            if order:
                ranked[query_id] = order
                best = order[:_LOOKED_AT]
                unjudged.append(sum(key not in qrels[query_id] for key in best) / len(best))
        for name, query_id, value in _values(parsed, qrels, ranked):
            per_query[name][query_id] = value
    return Evaluation(
        mean={name: sum(values.values()) / len(qrels) for name, values in per_query.items()},
        per_query=per_query,
        queries=len(qrels),
        queries_without_results=len(qrels) - len(unjudged),
        queries_without_judgements=len(run.keys() - qrels.keys()),
        unjudged=fmean(unjudged) if unjudged else 0.0,
    )


def _order(run: Mapping[str, Mapping[str, float]], query_id: str) -> list[str]:
    return run.order(query_id) if isinstance(run, OrderedRun) else ranking(run.get(query_id, {}))


def _values(
    measures: Sequence[Any], qrels: Qrels, rankings: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, str, float]]:
    """Yield measure, query id and value for the queries that have a ranking."""
    ir_measures = require("ir_measures", "eval")
    # Scores that fall by one a rank leave ir_measures' providers no ties to break their own way,
    # and some of them take no query ids but numbers.
    names = {str(number): query_id for number, query_id in enumerate(rankings, 1)}
    judged = {number: qrels[query_id] for number, query_id in names.items()}
    falling = [float(-rank) for rank in range(max(map(len, rankings.values()), default=0))]
    groups: dict[int, list[Any]] = {}
    for measure in measures:
        depth = min(measure.params.get("cutoff", len(falling)), len(falling))
        groups.setdefault(depth, []).append(measure)
    for depth, group in groups.items() if rankings else ():
        ranked = {  # what is below the cutoff counts for nothing, and would take time
            number: dict(zip(rankings[query_id], falling[:depth], strict=False))
            for number, query_id in names.items()
        }
        try:
            found = list(ir_measures.iter_calc(group, judged, ranked))
        except Exception as error:  # each provider has its own demands and its own errors
            raise InputError(
                f"ir_measures cannot compute {', '.join(map(str, group))} here ({error}); choose "
                "other measures, such as nDCG@10"
            ) from error
        for metric in found:
            yield str(metric.measure), names[metric.query_id], float(metric.value)
