"""The primary measure by what the queries are like."""

from __future__ import annotations

from statistics import fmean
from typing import NamedTuple

from rarefy.eval.breakdown import Bin, bins
from rarefy.eval.report.columns import Results, primary_measure

__all__ = ["Breakdown", "breakdowns"]


class Breakdown(NamedTuple):
    """Means of a measure over alike queries.

    Attributes
    ----------
    bins
        The queries, shared out by a feature, lowest values first.
    means
        System -> mean of the measure in each bin.
    """

    bins: list[Bin]
    means: dict[str, list[float]]


def breakdowns(results: Results) -> dict[str, Breakdown]:
    """Break the primary measure down by every feature of the queries that varies.

    Parameters
    ----------
    results
        The results object of a run; systems without values of single queries are left out, and so
        are approximations of others.

    Returns
    -------
    dict
        Feature -> breakdown.
    """
    measure = primary_measure(results)
    values = {
        system["name"]: system["per_query"][measure]
        for system in results["systems"]
        if measure in (system.get("per_query") or {}) and not system.get("exact")
    }
    if not values:
        return {}
    found = {}
    for feature, known in (results.get("query_features") or {}).items():
        everywhere = {
            query_id: value
            for query_id, value in known.items()
            if all(query_id in per_query for per_query in values.values())
        }
        shares = bins(everywhere)
        if len(shares) < 2:
            continue
        means = {
            name: [fmean(per_query[query_id] for query_id in share.query_ids) for share in shares]
            for name, per_query in values.items()
        }
        found[feature] = Breakdown(shares, means)
    return found
