"""The differences between systems: which pairs are of interest, and which differ for certain."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_letters
from typing import Any

from rarefy.errors import InputError
from rarefy.eval.report.columns import Results, System, primary_measure

__all__ = ["beaten", "differences", "letters", "pairs", "query_differences"]

LEVEL = 0.05  # of p values after Holm's correction


def letters(results: Results) -> dict[str, str]:
    """Name each system by a letter, but for approximations of others.

    Parameters
    ----------
    results
        The results object of a run; it gives no letters where it has no comparisons.
    """
    if not results.get("comparisons"):
        return {}
    names = {system["name"] for system in results["systems"]}
    lettered = [s["name"] for s in results["systems"] if s.get("exact") not in names]
    return dict(zip(lettered, ascii_letters, strict=False))


def beaten(results: Results) -> dict[tuple[str, str], str]:
    """Return the letters of the systems that a system beats significantly.

    Parameters
    ----------
    results
        The results object of a run.

    Returns
    -------
    dict
        Measure and system -> letters, in the order of the table; "" where there are none. A
        system beats another if its mean is higher and p is at most 0.05 after Holm's correction.
    """
    names = letters(results)
    found = {
        (measure, system["name"]): "" for system in results["systems"] for measure in
        system["measures"]
    }  # fmt: skip
    for row in results.get("comparisons") or ():
        if row["p_holm"] > LEVEL or row["difference"] == 0:
            continue
        better, worse = row["system"], row["baseline"]
        if row["difference"] < 0:
            better, worse = worse, better
        if worse in names and better in names:
            found[row["measure"], better] += names[worse]
    order = ascii_letters.index
    return {key: "".join(sorted(marks, key=order)) for key, marks in found.items()}


def pairs(results: Results) -> Iterator[tuple[str, str]]:
    """Yield the comparisons of interest.

    Those are each sparse system with the dense and lexical ones, hybrids with their parts,
    approximations with their exact system; all pairs, where there are none of these.

    Parameters
    ----------
    results
        The results object of a run.
    """
    found = list(_of_interest(results["systems"]))
    if not found:
        found = [
            (row["system"], row["baseline"])
            for row in results.get("comparisons") or ()
            if row["measure"] == primary_measure(results)
        ]
    yield from found


def differences(results: Results) -> list[dict[str, Any]]:
    """Return the comparisons of the pairs of interest, all measures, in the order of `pairs`.

    Parameters
    ----------
    results
        The results object of a run.
    """
    known = {}
    for row in results.get("comparisons") or ():
        known[row["measure"], row["system"], row["baseline"]] = row
        known[row["measure"], row["baseline"], row["system"]] = _turned(row)
    measures = dict.fromkeys(measure for measure, _, _ in known)
    keys = [(measure, *pair) for measure in measures for pair in pairs(results)]
    return [known[key] for key in keys if key in known]


def query_differences(results: Results, name: str, baseline: str) -> list[float]:
    """Return `name` minus `baseline` in the primary measure, for the queries that both answered.

    Parameters
    ----------
    results
        The results object of a run.
    name, baseline
        Names of the two systems.

    Raises
    ------
    InputError
        If the run has no system of that name.
    """
    measure = primary_measure(results)
    per_query = {s["name"]: (s.get("per_query") or {}).get(measure, {}) for s in results["systems"]}
    for wanted in (name, baseline):
        if wanted not in per_query:
            raise InputError(f"no system {wanted!r} in the run; it has {', '.join(per_query)}")
    ours, theirs = per_query[name], per_query[baseline]
    return [ours[query] - theirs[query] for query in ours if query in theirs]


def _of_interest(systems: list[System]) -> Iterator[tuple[str, str]]:
    names = {system["name"] for system in systems}
    exact = [system for system in systems if system.get("exact") not in names]
    for system in sorted(systems, key=lambda system: system not in exact):
        if system not in exact:
            baselines = [system["exact"]]
        elif system["kind"] == "sparse":
            baselines = [s["name"] for s in exact if s["kind"] in ("dense", "lexical")]
        else:
            baselines = [part for part in system.get("parts") or () if part in names]
        yield from ((system["name"], baseline) for baseline in baselines)


def _turned(row: dict[str, Any]) -> dict[str, Any]:
    """Return a comparison from the other side."""
    low, high = row["interval"]
    return {
        **row,
        "system": row["baseline"],
        "baseline": row["system"],
        "difference": -row["difference"],
        "interval": [-high, -low],
        "wins": row["losses"],
        "losses": row["wins"],
    }
