"""Waiting, where it has a formula: what a simulation must come to.

Times are in seconds, rates in requests a second. Sources: Kleinrock, Queueing Systems, volume 1,
1975 (M/M/1 and M/M/c, sections 3.2 and 3.5); Rényi, On the theory of order statistics, 1953 (the
largest of several exponentials).
"""

from __future__ import annotations

import math

from rarefy.errors import InputError

__all__ = [
    "answered",
    "hedged_quantile",
    "largest_mean",
    "largest_quantile",
    "response_mean",
    "response_quantile",
]


def response_mean(arrivals: float, service: float, cores: int = 1) -> float:
    """Return the mean response of M/M/c: the wait by Erlang's C, and the service.

    Parameters
    ----------
    arrivals
        Requests a second.
    service
        Mean seconds of one.
    cores
        How many are served at a time.

    Raises
    ------
    InputError
        If more arrives than can be served.
    """
    offered = arrivals * service
    if offered >= cores:
        raise InputError(f"the load is {offered:.2f} of {cores} cores; expected less than all")
    terms = [offered**n / math.factorial(n) for n in range(cores)]
    full = offered**cores / math.factorial(cores) * cores / (cores - offered)
    waiting = full / (sum(terms) + full)
    return waiting * service / (cores - offered) + service


def response_quantile(arrivals: float, service: float, share: float) -> float:
    """Return what a share of the responses of M/M/1 stay below: they are exponential."""
    return -math.log(1 - share) * response_mean(arrivals, service)


def largest_mean(n: int, mean: float) -> float:
    """Return the mean of the largest of n exponentials: the mean times the n-th harmonic number."""
    return mean * math.fsum(1 / i for i in range(1, n + 1))


def largest_quantile(n: int, mean: float, share: float) -> float:
    """Return what the largest of n exponentials stays below in a share of the cases."""
    return -mean * math.log1p(-(share ** (1 / n)))


def hedged_quantile(n: int, mean: float, after: float, share: float) -> float:
    """Return the same where each is asked again, somewhere else, if it took longer than `after`.

    Whichever of the two answers first counts, so that beyond `after` times go down twice as fast:
    ``P(T > t) = exp(-t / mean) exp(-(t - after) / mean)``.
    """
    tail = -math.expm1(math.log(share) / n)
    once = -mean * math.log(tail)
    return once if once <= after else (once + after) / 2


def answered(shards: int, replicas: int, down: float) -> float:
    """Return the share of the queries that find a replica of each shard.

    Parameters
    ----------
    shards, replicas
        How many there are, and of each.
    down
        The share of its time for which a replica is down, independent of others.
    """
    return (1 - down**replicas) ** shards
