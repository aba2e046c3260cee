"""A cluster in time: queues, stragglers, failures and hedged requests.

A query asks one replica of every shard, drawn at random, and is answered when the last shard is.
A replica serves in the order of arrival on a few cores. A request that takes longer than a deadline
is sent to another replica as well, and the first answer counts (Dean and Barroso, The tail at
scale, 2013); one that meets a replica that is down, or goes down, is sent to the next. Nothing that
was sent is called back.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError, require

__all__ = ["Cluster", "Outcome", "simulate"]

Draw = Callable[[np.random.Generator, int], npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Cluster:
    """What is simulated; times are in seconds.

    Attributes
    ----------
    service : callable
        ``service(rng, n)`` draws what one query takes in each of n requests: float64[n].
    queries_per_second : float
        They arrive at random (Poisson).
    shards, replicas, cores : int
        Shards; replicas of each; requests that a replica serves at a time.
    hedge_after : float
        Until a request is sent again; infinity for never.
    fails_after, back_after : float
        Mean time from a replica's start to its failure, and from there to the next start, both
        exponential.
    detected : float
        Until a request to a replica that is down is sent to another.
    """

    service: Draw
    queries_per_second: float
    shards: int = 1000
    replicas: int = 2
    cores: int = 1
    hedge_after: float = math.inf
    fails_after: float = math.inf
    back_after: float = 600.0
    detected: float = 0.001


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes
    ----------
    latencies : float64[m]
        Seconds of the queries that were answered, in the order of their arrival.
    failed : int
        Queries that found no replica of some shard.
    sent : float
        Requests to replicas for each query and shard: 1, and what was hedged or sent again.
    """

    latencies: npt.NDArray[np.float64]
    failed: int
    sent: float

    def quantile(self, share: float) -> float:
        """Return the seconds that a share of the queries stay below; infinite if none is."""
        return float(np.quantile(self.latencies, share)) if len(self.latencies) else math.inf


class _Replica:
    """A first-come-first-served queue, which knows when each request will be done."""

    def __init__(self, cluster: Cluster, rng: np.random.Generator) -> None:
        self.cluster, self.rng = cluster, rng
        self.free = [0.0] * cluster.cores
        self.fails, self.back = math.inf, math.inf
        if math.isfinite(cluster.fails_after):
            whole = cluster.fails_after + cluster.back_after
            down = rng.random() < cluster.back_after / whole  # as it is after a long time
            self.fails = -math.inf if down else rng.exponential(cluster.fails_after)
            self.back = max(self.fails, 0.0) + rng.exponential(cluster.back_after)

    def serve(self, now: float, seconds: float) -> tuple[float, bool]:
        """Take a request; return when it ends, and whether with an answer."""
        while now >= self.back:
            self.free = [self.back] * self.cluster.cores
            self.fails = self.back + self.rng.exponential(self.cluster.fails_after)
            self.back = self.fails + self.rng.exponential(self.cluster.back_after)
        if now >= self.fails:
            return now + self.cluster.detected, False
        end = max(now, self.free[0]) + seconds
        heapq.heapreplace(self.free, end)
        if end > self.fails:
            return self.fails + self.cluster.detected, False
        return end, True


class _Query:
    """A query on its way: what is still to come of its shards."""

    def __init__(self, arrived: float, shards: int) -> None:
        self.arrived, self.left = arrived, shards
        self.last, self.failed = arrived, False

    def shard_done(self, at: float) -> None:
        self.left -= 1
        self.last = max(self.last, at)


class _Request:
    """A query at one shard: which replicas it was sent to, and when the first answers.

    `again` is what it takes wherever it is sent again. `waiting` counts the moments at which
    another replica may be asked; `answered` is known as soon as one takes the request, and nothing
    is done for that before its time.
    """

    __slots__ = (
        "again", "answered", "hedged", "known", "order", "query", "shard", "tried", "waiting",
    )  # fmt: skip

    def __init__(self, query: _Query, shard: int, order: list[int], again: float) -> None:
        self.query, self.shard, self.order, self.again = query, shard, order, again
        self.tried, self.waiting, self.hedged = 0, 0, False
        self.answered, self.known = math.inf, 0.0


def simulate(cluster: Cluster, queries: int = 2000, seed: int = 0, warm: int = 100) -> Outcome:
    """Let queries arrive one after the other, and wait for all.

    Parameters
    ----------
    cluster
        What they arrive at.
    queries
        How many count.
    seed
        Of all that is random.
    warm
        Queries before these, which fill the queues and do not count.

    Raises
    ------
    InputError
        If the cluster has no shard, replica or core, or a rate is not positive.
    MissingExtraError
        If simpy is not installed.
    """
    simpy = require("simpy", "eval")
    if min(cluster.shards, cluster.replicas, cluster.cores) < 1 or cluster.queries_per_second <= 0:
        raise InputError(
            f"{cluster} has shards, replicas, cores or queries below 1; expected one at least"
        )
    rng = np.random.default_rng(seed)
    replicas = [
        [_Replica(cluster, rng) for _ in range(cluster.replicas)] for _ in range(cluster.shards)
    ]
    env = simpy.Environment()
    arrived: list[_Query] = []
    sent = 0

    def send(request: _Request) -> None:
        """Ask the next replica."""
        replica = replicas[request.shard][request.order[request.tried]]
        follow(request, *replica.serve(env.now, request.again))

    def follow(request: _Request, end: float, sound: bool) -> None:
        """Ask one more if the one that was asked is late, and if it fails."""
        nonlocal sent
        sent += 1
        request.tried += 1
        request.known = max(request.known, end)
        if sound:
            request.answered = min(request.answered, end)
        late = env.now + cluster.hedge_after
        if end > late and not request.hedged:
            request.hedged = True
            further(request, late)
        if not sound:
            further(request, end)
        settle(request)

    def further(request: _Request, at: float) -> None:
        if request.tried < len(request.order):
            request.waiting += 1
            _after(env, at, lambda: another(request))

    def another(request: _Request) -> None:
        request.waiting -= 1
        if request.answered > env.now and request.tried < len(request.order):
            send(request)
        else:
            settle(request)

    def settle(request: _Request) -> None:
        if not request.waiting:
            sound = math.isfinite(request.answered)
            request.query.failed |= not sound
            request.query.shard_done(request.answered if sound else request.known)

    def arrivals() -> Iterator[Any]:
        nonlocal sent
        for _ in range(warm + queries):
            yield env.timeout(rng.exponential(1 / cluster.queries_per_second))
            query = _Query(env.now, cluster.shards)
            arrived.append(query)
            drawn = cluster.service(rng, 2 * cluster.shards).tolist()
            pairs = zip(drawn[: cluster.shards], drawn[cluster.shards :], strict=True)
            starts = rng.integers(0, cluster.replicas, cluster.shards).tolist()
            late = env.now + cluster.hedge_after
            for shard, (start, (first, again)) in enumerate(zip(starts, pairs, strict=True)):
                end, sound = replicas[shard][start].serve(env.now, first)
                if sound and end <= late:
                    sent += 1
                    query.shard_done(end)
                else:
                    order = [(start + i) % cluster.replicas for i in range(cluster.replicas)]
                    follow(_Request(query, shard, order, again), end, sound)

    env.process(arrivals())
    env.run()
    counted = arrived[warm:]
    latencies = [query.last - query.arrived for query in counted if not query.failed]
    return Outcome(
        np.array(latencies),
        sum(query.failed for query in counted),
        sent / (len(arrived) * cluster.shards),
    )


def _after(env: Any, at: float, call: Callable[[], None]) -> None:
    event = env.timeout(max(0.0, at - env.now))
    event.callbacks.append(lambda _: call())
