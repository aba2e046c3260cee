"""Results of several runs over one collection, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rarefy.errors import InputError
from rarefy.eval.report.columns import Results, System
from rarefy.eval.report.schema import VERSION
from rarefy.eval.significance import comparisons

__all__ = ["merge_results"]

_SAME = ("fingerprint", "split", "leave_out_own")  # of the collection: what makes figures alike


def merge_results(runs: Mapping[str, Results]) -> Results:
    """Put the systems of several runs into one results object.

    Differences are tested anew, over all systems. A name that several runs have is followed by
    the run's.

    Parameters
    ----------
    runs
        Name of each run -> its results object.

    Returns
    -------
    dict
        A results object; its ``environment`` holds what is the same in all runs, ``runs`` what
        each had.

    Raises
    ------
    InputError
        If there are fewer than two runs, they are of different documents, queries or judgements,
        or one leaves out what another counts.
    """
    if len(runs) < 2:
        raise InputError(f"{len(runs)} results given; expected two or more to compare")
    _check_alike(runs)
    counts = Counter(s["name"] for results in runs.values() for s in results["systems"])
    systems: list[System] = []
    documents: dict[str, str] = {}
    queries: dict[str, dict[str, Any]] = {}
    features: dict[str, dict[str, float]] = {}
    listed = []
    for label, results in runs.items():
        names = {
            s["name"]: f"{s['name']} ({label})" if counts[s["name"]] > 1 else s["name"]
            for s in results["systems"]
        }
        systems += [_renamed(system, names) for system in results["systems"]]
        documents |= results["examples"]["documents"]
        for query in results["examples"]["queries"]:
            views = {names[name]: view for name, view in query["systems"].items()}
            joined = queries.setdefault(query["query_id"], {**query, "systems": {}})
            joined["systems"] |= views
        features |= results.get("query_features") or {}
        listed.append(
            {
                "label": label,
                "environment": results["environment"],
                "protocol": results.get("protocol") or {},
                "systems": list(names.values()),
            }
        )
    first = next(iter(runs.values()))
    protocols = [run["protocol"] for run in listed]
    return {
        "version": VERSION,
        "collection": first["collection"],
        "environment": _shared([results["environment"] for results in runs.values()]),
        "protocol": protocols[0] if all(found == protocols[0] for found in protocols) else {},
        "systems": systems,
        "comparisons": comparisons(systems),
        "query_features": features,
        "examples": {"documents": documents, "queries": list(queries.values())},
        "runs": listed,
        **({"ties": first["ties"]} if "ties" in first else {}),
    }


def _check_alike(runs: Mapping[str, Results]) -> None:
    (first, reference), *others = runs.items()
    for label, results in others:
        for key in _SAME:
            ours, theirs = (found["collection"].get(key) for found in (results, reference))
            if ours != theirs:
                names = results["collection"]["name"], reference["collection"]["name"]
                raise InputError(
                    f"{label} ({names[0]}) and {first} ({names[1]}) differ in their collection's "
                    f"{key}: {ours} and {theirs}; expected runs over the same documents, queries "
                    "and judgements"
                )
        if results.get("ties") != reference.get("ties"):
            raise InputError(
                f"{label} and {first} order equal scores by different rules "
                f"({results.get('ties')} and {reference.get('ties')}); expected one: make one of "
                "them again with the other's --ties"
            )


def _renamed(system: System, names: Mapping[str, str]) -> System:
    renamed = {**system, "name": names[system["name"]]}
    if system.get("exact") in names:
        renamed["exact"] = names[system["exact"]]
    if system.get("parts"):
        renamed["parts"] = [names.get(part, part) for part in system["parts"]]
    return renamed


def _shared(environments: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what all environments agree on; None where they do not."""
    first = environments[0]
    shared = {
        key: value if all(found.get(key) == value for found in environments) else None
        for key, value in first.items()
        if key != "versions"
    }
    shared["versions"] = {
        package: version
        for package, version in first["versions"].items()
        if all(found["versions"].get(package) == version for found in environments)
    }
    return shared
