import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rarefy.errors import InputError
from rarefy.eval.significance import (
    bootstrap_intervals,
    comparisons,
    holm,
    randomisation_tests,
)

QUERIES = 40


def within_binomial(
    rejected: int, tests: int, level: float = 0.05, *, confidence: float = 0.95
) -> bool:
    """Whether so many rejections are what chance gives where nothing is to be found."""
    low, high = stats.binom.interval(confidence, tests, level)
    return low <= rejected <= high


def null_differences(random: np.random.Generator, tests: int) -> np.ndarray:
    """Differences of two systems that are the same but for chance, on queries of all kinds.

    Values are as measures are: between 0 and 1, often at the ends, alike for both systems.
    """
    hardness = random.normal(0, 1, (tests, QUERIES, 1))
    values = np.clip(0.5 + hardness * 0.4 + random.normal(0, 0.3, (tests, QUERIES, 2)), 0, 1)
    return values[..., 0] - values[..., 1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-4, 4).map(lambda n: n / 4), min_size=2, max_size=9))
def test_few_queries_are_tested_exactly_as_scipy_does(differences):
    theirs = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert randomisation_tests(differences) == pytest.approx([theirs])


def test_many_queries_are_tested_as_scipy_does():
    random = np.random.default_rng(3)
    differences = random.normal(0.05, 0.3, (4, 100)).round(1)
    ours = randomisation_tests(differences, rounds=20_000)
    for p, sample in zip(ours, differences, strict=True):
        theirs = stats.permutation_test(
            (sample,), np.mean, permutation_type="samples", n_resamples=20_000, random_state=1
        ).pvalue
        assert p == pytest.approx(theirs, abs=4 * math.sqrt(2 * p * (1 - p) / 20_000))
        # The t test has more assumptions, and the same answer where they hold.
        assert p == pytest.approx(stats.ttest_1samp(sample, 0).pvalue, abs=0.02)


def test_bootstrap_intervals_are_those_of_scipy():
    random = np.random.default_rng(4)
    differences = random.gamma(1, 0.2, (3, 60)) - 0.15
    for ends, sample in zip(bootstrap_intervals(differences), differences, strict=True):
        theirs = stats.bootstrap(
            (sample,), np.mean, method="percentile", n_resamples=10_000, random_state=2
        )
        spread = theirs.standard_error
        assert ends == pytest.approx(list(theirs.confidence_interval), abs=0.15 * spread)


def test_where_nothing_is_to_be_found_five_tests_in_a_hundred_find_it():
    random = np.random.default_rng(5)
    p_values = np.concatenate(
        [
            randomisation_tests(null_differences(random, 100), rounds=2000, seed=seed)
            for seed in range(20)
        ]
    )
    assert within_binomial(int((p_values <= 0.05).sum()), len(p_values))
    assert within_binomial(int((p_values <= 0.5).sum()), len(p_values), 0.5, confidence=0.999)


def test_an_interval_misses_the_truth_five_times_in_a_hundred():
    random = np.random.default_rng(6)
    ends = np.concatenate(
        [
            bootstrap_intervals(null_differences(random, 100), resamples=1000, seed=seed)
            for seed in range(20)
        ]
    )
    missed = int(((ends[:, 0] > 0) | (ends[:, 1] < 0)).sum())
    # With 40 queries a percentile interval is a little too short.
    assert within_binomial(missed, len(ends)) or 0.05 < missed / len(ends) < 0.07


def test_holm_keeps_the_errors_of_a_family_below_five_in_a_hundred():
    random = np.random.default_rng(7)
    families = 400
    p_values = randomisation_tests(null_differences(random, families * 6), rounds=2000)
    uncorrected = (p_values.reshape(families, 6).min(axis=1) <= 0.05).sum()
    corrected = sum(holm(p).min() <= 0.05 for p in p_values.reshape(families, 6))
    assert corrected <= stats.binom.ppf(0.999, families, 0.05) < uncorrected


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_the_step_down_procedure(p_values):
    expected = {}
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - place)))
        expected[index] = largest
    assert holm(p_values).tolist() == [expected[index] for index in range(len(p_values))]


def test_a_difference_that_is_there_is_found():
    differences = np.random.default_rng(8).normal(0.15, 0.3, 100)
    assert randomisation_tests(differences)[0] < 0.001
    low, high = bootstrap_intervals(differences)[0]
    assert 0 < low < differences.mean() < high


def test_equal_systems_do_not_differ():
    assert randomisation_tests(np.zeros((2, 50))).tolist() == [1.0, 1.0]
    assert bootstrap_intervals(np.zeros(50)).tolist() == [[0.0, 0.0]]


def test_the_same_seed_gives_the_same_figures_however_many_tests_there_are():
    differences = null_differences(np.random.default_rng(9), 3)
    alone = randomisation_tests(differences[1], seed=1)
    assert randomisation_tests(differences, seed=1)[1] == alone[0]
    assert randomisation_tests(differences, seed=2)[1] != alone[0]
    assert bootstrap_intervals(differences)[2] == pytest.approx(
        bootstrap_intervals(differences[2])[0], rel=1e-12
    )


def system(name, values, **more):
    per_query = {"AP": {f"q{n}": float(value) for n, value in enumerate(values)}}
    return {"name": name, "per_query": per_query, **more}


def test_systems_are_compared_in_pairs_and_approximations_with_their_exact_one():
    random = np.random.default_rng(10)
    base = random.random(50)
    systems = [
        system("a", base),
        system("b", base + random.normal(0.3, 0.1, 50)),
        system("c", base[::-1]),
        system("b:fast", base + random.normal(0.3, 0.1, 50), exact="b"),
        system("d:fast", base, exact="not here"),
    ]
    found = comparisons(systems)
    pairs = [(row["system"], row["baseline"]) for row in found]
    assert pairs == [
        ("b", "a"),
        ("c", "a"),
        ("d:fast", "a"),
        ("c", "b"),
        ("d:fast", "b"),
        ("d:fast", "c"),
        ("b:fast", "b"),
    ]
    first = found[0]
    assert first["measure"] == "AP"
    assert first["difference"] == pytest.approx(0.3, abs=0.05)
    assert first["interval"][0] < first["difference"] < first["interval"][1]
    assert (first["wins"], first["ties"], first["losses"]) == (50, 0, 0)
    assert first["p"] < 1e-4
    assert first["p_holm"] == pytest.approx(6 * min(row["p"] for row in found[:6]))
    assert found[6]["p_holm"] == found[6]["p"], "approximations are a family of their own"
    same = next(row for row in found if row["system"] == "d:fast" and row["baseline"] == "a")
    assert (same["difference"], same["p"], same["p_holm"], same["ties"]) == (0.0, 1.0, 1.0, 50)
    assert comparisons(systems) == found


def test_measures_have_families_of_their_own():
    random = np.random.default_rng(11)
    systems = [system(name, random.random(30)) for name in "abc"]
    for row in systems:
        row["per_query"]["RR"] = dict(row["per_query"]["AP"])
    ap, rr = np.array_split(comparisons(systems), 2)
    assert [{**row, "measure": "RR"} for row in ap] == list(rr)


def test_one_system_and_none_have_no_comparisons():
    assert comparisons([]) == comparisons([system("a", [1.0])]) == []


def test_systems_measured_on_different_queries_are_refused():
    with pytest.raises(InputError, match="b and a were measured on different queries"):
        comparisons([system("a", [1.0, 0.5]), system("b", [1.0])])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: randomisation_tests([]), r"shape \(1, 0\)"),
        (lambda: randomisation_tests([1.0, math.nan]), "not finite"),
        (lambda: bootstrap_intervals([1.0], level=95), "level is 95"),
        (lambda: bootstrap_intervals(np.zeros((2, 2, 2))), r"shape \(2, 2, 2\)"),
    ],
)
def test_what_cannot_be_tested_is_an_error(call, message):
    with pytest.raises(InputError, match=message):
        call()
