"""What the page shows of single queries, as the data of its script."""

from __future__ import annotations

import json
from typing import Any

from rarefy.eval.report.columns import Results, primary_measure
from rarefy.eval.report.differences import pairs

__all__ = ["query_data"]


def query_data(results: Results) -> str:
    """Return the drill-down of a run as JSON that can stand in a ``<script>`` element.

    Parameters
    ----------
    results
        The results object of a run.

    Returns
    -------
    str
        An object of ``measure``, ``systems`` (name, kind), ``pair`` (the two to begin with),
        ``documents``, and ``queries``: those of the examples, each with its ``values`` (system ->
        value of the measure) and ``features``. Empty where there are no examples.
    """
    examples = results["examples"]
    if not examples["queries"]:
        return ""
    measure = primary_measure(results)
    values = {
        system["name"]: (system.get("per_query") or {}).get(measure, {})
        for system in results["systems"]
    }
    features = results.get("query_features") or {}
    queries = []
    for query in examples["queries"]:
        key = query["query_id"]
        shown: dict[str, Any] = dict(query)
        shown["values"] = {name: found[key] for name, found in values.items() if key in found}
        shown["features"] = {name: found[key] for name, found in features.items() if key in found}
        queries.append(shown)
    data = {
        "measure": measure,
        "systems": [{"name": s["name"], "kind": s["kind"]} for s in results["systems"]],
        "pair": _pair(results),
        "documents": examples["documents"],
        "queries": queries,
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")  # so that no text can end the element


def _pair(results: Results) -> list[str]:
    """Return the best sparse system and its best rival, or else the first two."""
    measure = primary_measure(results)
    quality = {s["name"]: s["measures"].get(measure, 0.0) for s in results["systems"]}
    sparse = {s["name"] for s in results["systems"] if s["kind"] == "sparse" and not s.get("exact")}
    rivals = [pair for pair in pairs(results) if pair[0] in sparse]
    if rivals:
        name, rival = max(rivals, key=lambda pair: (quality[pair[0]], quality[pair[1]]))
        return [name, rival]
    names = list(quality)
    return [names[0], names[min(1, len(names) - 1)]]
