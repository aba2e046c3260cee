"""The simulation comes to what formulas say, where there are any."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rarefy.errors import InputError
from rarefy.eval.scale import Cluster, simulate
from rarefy.eval.scale.queueing import (
    answered,
    hedged_quantile,
    largest_mean,
    largest_quantile,
    response_mean,
    response_quantile,
)

pytest.importorskip("simpy")


def exponential(rng, n):
    return rng.exponential(1.0, n)


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_one_server(load):
    cluster = Cluster(exponential, load, shards=1, replicas=1)
    found = simulate(cluster, 100_000, warm=2000)
    assert found.latencies.mean() == pytest.approx(response_mean(load, 1.0), rel=0.05)
    assert found.quantile(0.99) == pytest.approx(response_quantile(load, 1.0, 0.99), rel=0.08)
    assert (found.failed, found.sent) == (0, 1)


@pytest.mark.parametrize("cores", [2, 8])
def test_servers_of_several_cores(cores):
    arrivals = 0.8 * cores
    found = simulate(Cluster(exponential, arrivals, 1, 1, cores), 60_000, warm=2000)
    assert found.latencies.mean() == pytest.approx(response_mean(arrivals, 1.0, cores), rel=0.05)


def test_replicas_share_the_load():
    """Of two replicas drawn at random each has half of the arrivals."""
    found = simulate(Cluster(exponential, 1.0, shards=1, replicas=2), 60_000, warm=2000)
    assert found.latencies.mean() == pytest.approx(response_mean(0.5, 1.0), rel=0.05)


@pytest.mark.parametrize("shards", [1, 10, 100])
def test_the_last_of_many(shards):
    """Nobody waits: the latency is the largest of as many exponentials."""
    found = simulate(Cluster(exponential, 1e-6, shards, 1), 4000)
    assert found.latencies.mean() == pytest.approx(largest_mean(shards, 1.0), rel=0.04)
    expected = largest_quantile(shards, 1.0, 0.9)
    assert found.quantile(0.9) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("after", [0.5, 3.0])
def test_hedging(after):
    found = simulate(Cluster(exponential, 1e-6, 50, 2, hedge_after=after), 4000)
    assert found.quantile(0.9) == pytest.approx(hedged_quantile(50, 1.0, after, 0.9), rel=0.05)
    assert found.sent == pytest.approx(1 + math.exp(-after), rel=0.02)


@pytest.mark.parametrize("replicas", [1, 2])
def test_queries_that_find_no_replica(replicas):
    """Arrivals far apart see replicas that are up or down independently of before."""
    cluster = Cluster(
        lambda rng, n: np.full(n, 1e-9), 5e-4, 20, replicas, fails_after=900.0, back_after=100.0
    )
    found = simulate(cluster, 4000)
    share = 1 - found.failed / 4000
    assert share == pytest.approx(answered(20, replicas, 0.1), abs=0.025)
    assert len(found.latencies) == 4000 - found.failed


def test_a_failure_loses_what_waits_and_another_replica_answers():
    cluster = Cluster(
        lambda rng, n: np.full(n, 1.0), 0.01, 1, 3, fails_after=10.0, back_after=10.0, detected=0.5
    )
    found = simulate(cluster, 2000)
    assert found.latencies.min() == pytest.approx(1.0)
    assert set(np.round(found.latencies[found.latencies < 2] % 0.5, 9)) >= {0.0}
    assert found.sent > 1.5
    assert found.failed == pytest.approx(2000 * 0.55**3, rel=0.5)


def test_the_same_seed_gives_the_same():
    cluster = Cluster(exponential, 0.5, 5, 2, hedge_after=1.0, fails_after=50.0, back_after=5.0)
    one, other = simulate(cluster, 300), simulate(cluster, 300)
    assert np.array_equal(one.latencies, other.latencies)
    assert not np.array_equal(one.latencies, simulate(cluster, 300, seed=1).latencies)


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="expected one at least"):
        simulate(Cluster(exponential, 1.0, shards=0))
    with pytest.raises(InputError, match="of 1 cores; expected less"):
        response_mean(2.0, 1.0)


@pytest.mark.parametrize(("hedge_after", "least"), [(math.inf, 6.0), (2.0, 3.0)])
def test_a_hedge_does_not_wait_for_a_failure_to_be_noticed(hedge_after, least):
    """What is sent to a replica that is down comes back after five seconds, or is hedged in two."""
    cluster = Cluster(
        lambda rng, n: np.full(n, 1.0), 0.001, 1, 2, hedge_after=hedge_after,
        fails_after=100.0, back_after=100.0, detected=5.0,
    )  # fmt: skip
    found = simulate(cluster, 2000)
    assert found.failed == pytest.approx(2000 * 0.25, rel=0.2)
    late = found.latencies[found.latencies > 1.5]
    assert len(late) / 2000 == pytest.approx(0.25, rel=0.2)
    assert np.median(late) == pytest.approx(least)
    assert found.sent == pytest.approx(1.5, rel=0.1)


def test_hedges_fail_too():
    """Of three replicas a hedge goes to the second, and to the third when that fails."""
    cluster = Cluster(
        lambda rng, n: np.full(n, 1.0), 0.001, 1, 3, hedge_after=2.0,
        fails_after=100.0, back_after=100.0, detected=5.0,
    )  # fmt: skip
    found = simulate(cluster, 2000)
    assert set(np.round(found.latencies, 9)) >= {1.0, 3.0, 6.0}
    assert found.failed == pytest.approx(2000 * 0.125, rel=0.3)
