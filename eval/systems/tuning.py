"""Weights of a fusion, chosen on judgements that are not those of the test.

Systems of a test are made of documents and queries alone, so nothing in them can look at its
judgements; and a development collection that shares a query with the test is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rarefy.errors import InputError
from rarefy.eval.collections.collection import Collection
from rarefy.eval.efficiency import cores
from rarefy.eval.measures import evaluate
from rarefy.eval.systems.fusion import Method, normalised, weighted_sum
from rarefy.eval.systems.rankings import Rankings
from rarefy.eval.systems.system import Ranked, System

__all__ = ["check_apart", "shared_queries", "tuned_weights"]

_MEASURE, _CUTOFF = "nDCG@10", 10
_DEPTH = 1000
_STEPS = 20


def shared_queries(test: Collection, development: Collection) -> dict[str, str]:
    """Find the queries that two collections share, whatever their case and white space.

    Parameters
    ----------
    test, development
        Any two collections, or two splits of one.

    Returns
    -------
    dict
        Id in the development collection -> id in the test.
    """
    tested = {_folded(text): key for key, text in zip(test.query_ids, test.queries, strict=True)}
    pairs = zip(development.query_ids, development.queries, strict=True)
    return {key: tested[_folded(text)] for key, text in pairs if _folded(text) in tested}


def check_apart(test: Collection, development: Collection) -> None:
    """Refuse a development collection that shares a query with the test.

    Parameters
    ----------
    test
        Whose judgements must not be seen.
    development
        Whose judgements weights are to be chosen by.

    Raises
    ------
    InputError
        If they share one.
    """
    for key, found in shared_queries(test, development).items():
        text = development.queries[list(development.query_ids).index(key)]
        raise InputError(
            f"query {key!r} of the development split {development.split!r} of {development.name} "
            f"is query {found!r} of the test, {text[:60]!r}: weights tuned on it would have seen "
            "the test; leave it out (Collection.without_queries) or choose another split"
        )


def tuned_weights(
    systems: Sequence[System], development: Collection, method: Method
) -> tuple[float, float]:
    """Choose the weights of two systems by nDCG@10 on a development collection.

    Parameters
    ----------
    systems
        Two systems of the development collection.
    development
        Its queries, all judged.
    method
        ``"minmax"`` or ``"zscore"``.

    Returns
    -------
    tuple
        Weights that sum to 1, in steps of .05; of equally good ones those nearest to one half.

    Raises
    ------
    InputError
        If there are more than two systems, whose weights have to be given.
    """
    if len(systems) != 2:
        raise InputError(
            f"{len(systems)} systems cannot be tuned; give their weights: {method}=0.5*A+0.3*B+..."
        )
    found = [system.search(_DEPTH, threads=cores()) for system in systems]
    queries = range(len(development.query_ids))
    scaled = [
        normalised([Ranked(part.rows[query], part.scores[query]) for part in found], method)
        for query in queries
    ]
    best, chosen = -1.0, 0.5
    for step in sorted(range(_STEPS + 1), key=lambda step: abs(step - _STEPS / 2)):
        weight = step / _STEPS
        rows = np.full((len(queries), _CUTOFF), -1, dtype=np.int64)
        scores = np.full(rows.shape, -np.inf)
        for query, (candidates, scales) in enumerate(scaled):
            top = weighted_sum(candidates, scales, (weight, 1 - weight), _CUTOFF)
            rows[query, : len(top.rows)], scores[query, : len(top.rows)] = top
        run = Rankings(Ranked(rows, scores), development)
        (value,) = evaluate(run, development.qrels, _MEASURE).mean.values()
        if value > best + 1e-9:
            best, chosen = value, weight
    return chosen, 1 - chosen


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
