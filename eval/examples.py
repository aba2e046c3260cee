"""A few queries shown whole: where a sparse system and a dense one differ most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rarefy.eval.collections.collection import Collection
from rarefy.eval.run import Run, ranking
from rarefy.eval.systems.system import System

__all__ = ["choose_queries", "show_queries"]

_HITS = 5
_RELEVANT = 5
_TERMS = 20
_SNIPPET = 200  # characters


def choose_queries(
    values: Mapping[str, Mapping[str, float]], kinds: Mapping[str, str], *, count: int = 5
) -> list[str]:
    """Choose the queries that two systems differ about most, wins and losses in turn.

    The two are the last sparse (or else lexical) system and the first dense one; where one of
    them is missing, the best and the worst queries of the first system are chosen.

    Parameters
    ----------
    values
        System -> query id -> value of one measure.
    kinds
        System -> kind.
    count
        How many to choose.
    """
    names = list(values)
    sparse = [name for name in names if kinds[name] == "sparse"]
    sparse = sparse or [name for name in names if kinds[name] == "lexical"]
    dense = [name for name in names if kinds[name] == "dense"]
    if sparse and dense:
        ours, theirs = values[sparse[-1]], values[dense[0]]
        gains = {query_id: ours[query_id] - theirs[query_id] for query_id in ours}
    else:
        gains = dict(values[names[0]])
    order = sorted(gains, key=lambda query_id: (-gains[query_id], query_id))
    wins, losses = order[: -(-count // 2)], order[len(order) - count // 2 :]
    return list(dict.fromkeys([*wins, *losses]))


def show_queries(
    query_ids: Sequence[str],
    collection: Collection,
    systems: Sequence[System],
    runs: Mapping[str, Run],
) -> list[dict[str, Any]]:
    """Show what each system made of some queries.

    Returns
    -------
    list
        For each query ``query_id``, ``query``, ``relevant`` (at most 5 documents, highest grades
        first: ``id``, ``text``) and ``systems``: name -> ``hits`` (the best 5: ``id``,
        ``score``, ``grade``, ``text``) and, for systems with sparse vectors, ``terms`` (the 20
        heaviest of the query, with weights). Texts are cut at 200 characters.
    """
    texts = dict(zip(collection.document_ids, collection.documents, strict=True))
    rows = {query_id: row for row, query_id in enumerate(collection.query_ids)}
    shown = []
    for query_id in query_ids:
        grades = collection.qrels[query_id]
        relevant = [key for key in ranking(grades) if grades[key] > 0][:_RELEVANT]
        views: dict[str, Any] = {}
        for system in systems:
            scores = runs[system.name].get(query_id, {})
            view: dict[str, Any] = {}
            if system.vectors is not None:
                row = system.vectors.queries[[rows[query_id]]]
                view["terms"] = [list(pair) for pair in system.vectors.explain(row, _TERMS)]
            view["hits"] = [
                {
                    "id": key,
                    "score": scores[key],
                    "grade": grades.get(key, 0),
                    "text": _snippet(texts[key]),
                }
                for key in ranking(scores)[:_HITS]
            ]
            views[system.name] = view
        shown.append(
            {
                "query_id": query_id,
                "query": collection.queries[rows[query_id]],
                "relevant": [{"id": key, "text": _snippet(texts[key])} for key in relevant],
                "systems": views,
            }
        )
    return shown


def _snippet(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SNIPPET else text[: _SNIPPET - 1] + "…"
