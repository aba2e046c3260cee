"""Measures of effectiveness, computed by ir_measures (MacAvaney, Macdonald & Ounis 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rarefy.errors import InputError, require
from rarefy.eval.run import Qrels, Run, ranking

__all__ = ["MEASURES", "Evaluation", "evaluate", "parse_measures"]

MEASURES = "nDCG@10 R@100 RR@10"


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
    """

    mean: dict[str, float]
    per_query: dict[str, dict[str, float]]
    queries: int
    queries_without_results: int
    queries_without_judgements: int


def parse_measures(measures: str | Sequence[str]) -> list[Any]:
    """Turn names such as ``"nDCG@10 R@100 RR@10"`` into ir_measures' measures.

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
            measure = ir_measures.parse_measure(name)
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
    run: Run,
    qrels: Qrels,
    measures: str | Sequence[str] = MEASURES,
    *,
    ignore_identical_ids: bool = False,
) -> Evaluation:
    """Measure a run against judgements.

    A judged query without results counts as 0, whatever the measure; queries without judgements
    are left out; both are counted. Rank order is that of `rarefy.eval.run.ranking`.

    Parameters
    ----------
    run
        Query id -> document id -> score.
    qrels
        Query id -> document id -> grade.
    measures
        Names, as one string or several.
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
    # Scores that fall by one a rank leave ir_measures' providers no ties to break their own way,
    # and some of them take no query ids but numbers.
    numbers = {query_id: str(number) for number, query_id in enumerate(qrels, 1)}
    names = list(qrels)
    ranked: Run = {}
    for query_id, number in numbers.items():
        order = ranking(run.get(query_id, {}))
        if ignore_identical_ids:
            order = [document_id for document_id in order if document_id != query_id]
        if order:
            ranked[number] = {key: float(-rank) for rank, key in enumerate(order)}
    per_query = {str(measure): dict.fromkeys(qrels, 0.0) for measure in parsed}
    if ranked:
        ir_measures = require("ir_measures", "eval")
        judged = {numbers[query_id]: grades for query_id, grades in qrels.items()}
        try:
            found = list(ir_measures.iter_calc(parsed, judged, ranked))
        except Exception as error:  # each provider has its own demands and its own errors
            raise InputError(
                f"ir_measures cannot compute {', '.join(per_query)} here ({error}); choose other "
                "measures, such as nDCG@10"
            ) from error
        for metric in found:
            per_query[str(metric.measure)][names[int(metric.query_id) - 1]] = float(metric.value)
    return Evaluation(
        mean={name: sum(values.values()) / len(qrels) for name, values in per_query.items()},
        per_query=per_query,
        queries=len(qrels),
        queries_without_results=len(qrels) - len(ranked),
        queries_without_judgements=len(run.keys() - qrels.keys()),
    )
