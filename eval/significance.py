"""Whether two systems differ by more than the choice of queries explains.

The tests are those that Smucker, Allan & Carterette recommend ("A comparison of statistical
significance tests for information retrieval evaluation", CIKM 2007): the paired randomisation test
for a p value, the bootstrap for an interval. Many pairs are tested at a time, so p values are
corrected by Holm's method ("A simple sequentially rejective multiple test procedure", 1979).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError

__all__ = ["bootstrap_intervals", "comparisons", "holm", "randomisation_tests"]

_ROUNDS = 50_000  # of the randomisation test: p values are multiples of 1 / 50,001
_RESAMPLES = 10_000  # of the bootstrap
_LEVEL = 0.95
_CELLS = 1 << 22  # of the largest array that is drawn at a time


def comparisons(systems: Sequence[Mapping[str, Any]], *, seed: int = 0) -> list[dict[str, Any]]:
    """Compare systems in every measure, query by query.

    Every system is compared with every other one, but for a system that approximates another
    (``exact``), which is compared with that one alone. Holm's correction counts all the pairs of
    a measure that are of the same sort, so that a sweep takes nothing from the other systems.

    Parameters
    ----------
    systems
        Each as in ``results.json``: ``name``, ``per_query`` (measure -> query id -> value) and
        perhaps ``exact``.
    seed
        Of the random signs and samples; the same for every pair.

    Returns
    -------
    list
        For each measure and pair ``measure``, ``system``, ``baseline``, ``difference`` (the mean
        over the queries of `system` minus `baseline`), ``interval`` (95% bootstrap interval of
        it), ``p`` (paired randomisation test, two-sided), ``p_holm``, and of how many queries
        the system was better, equal and worse: ``wins``, ``ties``, ``losses``.

    Raises
    ------
    InputError
        If two systems were measured on different queries.
    """
    approximate = _approximate(systems)
    chosen = [*_exact_pairs(systems), *approximate]
    measures = _measures(systems) if chosen else []
    if not measures:
        return []
    differences = np.array(
        [
            values[name] - values[baseline]
            for values in (_values(measure, systems) for measure in measures)
            for name, baseline in chosen
        ]
    )
    p_values = randomisation_tests(differences, seed=seed)
    corrected = [
        holm(family)
        for tested in p_values.reshape(len(measures), len(chosen))
        for family in np.split(tested, [len(chosen) - len(approximate)])
    ]
    rows = zip(
        product(measures, chosen),
        differences,
        bootstrap_intervals(differences, seed=seed),
        p_values,
        np.concatenate(corrected),
        strict=True,
    )
    return [
        {
            "measure": measure,
            "system": name,
            "baseline": baseline,
            "difference": float(difference.mean()),
            "interval": interval.tolist(),
            "p": float(p),
            "p_holm": float(p_holm),
            "wins": int((difference > 0).sum()),
            "ties": int((difference == 0).sum()),
            "losses": int((difference < 0).sum()),
        }
        for (measure, (name, baseline)), difference, interval, p, p_holm in rows
    ]


def randomisation_tests(
    differences: npt.ArrayLike, *, rounds: int = _ROUNDS, seed: int = 0
) -> npt.NDArray[np.float64]:
    """Test whether means of paired differences are zero, two-sided, by flipping signs.

    If two systems do not differ, a query's difference is as likely to have the other sign. The p
    value is the share of all assignments of signs whose mean is as far from zero as the mean
    found: exact where there are at most `rounds` of them, and otherwise of `rounds` random ones,
    to which the assignment found is added (Phipson & Smyth 2010, "Permutation p-values should
    never be zero").

    Parameters
    ----------
    differences
        float[tests, queries], or float[queries] for one test.
    rounds
        How many assignments are drawn, the same for every test.
    seed
        Of the draw.

    Returns
    -------
    ndarray
        float64[tests], p values.

    Raises
    ------
    InputError
        If there are no queries, or a difference is not finite.
    """
    given = _checked(differences)
    queries = given.shape[1]
    found = np.abs(given.sum(axis=1))
    least = found - 1e-9 * np.abs(given).sum(axis=1)  # sums in another order round differently
    if queries < 63 and 2**queries <= rounds:
        every = (np.arange(2**queries)[:, None] >> np.arange(queries)) & 1
        return np.asarray((np.abs(_signed(every, given)) >= least).mean(axis=0))
    random = np.random.default_rng(seed)
    extreme = np.ones(len(given))
    for size in _blocks(rounds, queries):
        signs = random.integers(0, 2, (size, queries), dtype=np.int8)
        extreme += (np.abs(_signed(signs, given)) >= least).sum(axis=0)
    return extreme / (rounds + 1)


def bootstrap_intervals(
    differences: npt.ArrayLike,
    *,
    level: float = _LEVEL,
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> npt.NDArray[np.float64]:
    """Return percentile bootstrap intervals of means, from queries drawn with replacement.

    Parameters
    ----------
    differences
        float[tests, queries], or float[queries] for one test.
    level
        Share of the means of resampled queries that the interval holds.
    resamples
        How many samples of the queries are drawn, the same for every test.
    seed
        Of the draw.

    Returns
    -------
    ndarray
        float64[tests, 2], the ends of each interval (Efron & Tibshirani 1993, "An Introduction
        to the Bootstrap", section 13.3).

    Raises
    ------
    InputError
        If there are no queries, a difference is not finite, or `level` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise InputError(f"level is {level}; expected a share between 0 and 1, such as 0.95")
    given = _checked(differences)
    queries = given.shape[1]
    random = np.random.default_rng(seed)
    means = []
    for size in _blocks(resamples, queries):
        drawn = random.integers(0, queries, (size, queries)) + queries * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * queries).reshape(size, queries)
        means.append(times.astype(np.float64) @ given.T / queries)
    tail = 50 * (1 - level)
    return np.percentile(np.concatenate(means), [tail, 100 - tail], axis=0).T


def holm(p_values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Correct p values for how many there are: compare what is returned with one's level.

    Parameters
    ----------
    p_values
        float[tests].

    Returns
    -------
    ndarray
        float64[tests]: the largest, over the p values up to this one in ascending order, of each
        times the number of those from it upwards; at most 1.
    """
    given = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(given, kind="stable")
    steps = np.minimum(given[order] * np.arange(len(given), 0, -1), 1.0)
    corrected = np.empty_like(given)
    corrected[order] = np.maximum.accumulate(steps)
    return corrected


def _exact_pairs(systems: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the names of the pairs of exact systems, each with the earlier one as baseline."""
    names = {system["name"] for system in systems}
    exact = [system["name"] for system in systems if system.get("exact") not in names]
    for baseline, name in combinations(exact, 2):
        yield name, baseline


def _approximate(systems: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the names of the approximations, each with its exact system."""
    names = {system["name"] for system in systems}
    return [(s["name"], s["exact"]) for s in systems if s.get("exact") in names]


def _measures(systems: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of the measures that every system has."""
    names = [list(system["per_query"]) for system in systems]
    return [name for name in names[0] if all(name in others for others in names)]


def _values(
    measure: str, systems: Sequence[Mapping[str, Any]]
) -> dict[str, npt.NDArray[np.float64]]:
    query_ids = list(systems[0]["per_query"][measure])
    values = {}
    for system in systems:
        per_query = system["per_query"][measure]
        if per_query.keys() != set(query_ids):
            raise InputError(
                f"{system['name']} and {systems[0]['name']} were measured on different queries; "
                "compare systems on one collection"
            )
        values[system["name"]] = np.array([per_query[query_id] for query_id in query_ids])
    return values


def _checked(differences: npt.ArrayLike) -> npt.NDArray[np.float64]:
    given = np.atleast_2d(np.asarray(differences, dtype=np.float64))
    if given.ndim != 2 or not given.shape[1]:
        raise InputError(
            f"differences has the shape {given.shape}; expected [tests, queries] with a query"
        )
    if not np.isfinite(given).all():
        raise InputError("differences holds a value that is not finite; expected numbers alone")
    return given


def _signed(bits: npt.NDArray[Any], given: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the sums [assignments, tests] of the differences with the signs 2 bit - 1."""
    return (2.0 * bits - 1.0) @ given.T


def _blocks(rounds: int, queries: int) -> Iterator[int]:
    size = max(1, _CELLS // queries)
    for start in range(0, rounds, size):
        yield min(size, rounds - start)
