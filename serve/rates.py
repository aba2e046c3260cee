"""How often each client may ask: token buckets."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

__all__ = ["Rates"]

REMEMBERED = 10_000
"""Clients at most; who has not come for longest is forgotten first."""


class Rates:
    """A bucket of tokens for each client, which a request takes one of.

    Parameters
    ----------
    per_second
        Tokens that a bucket gains; 0 for no limit.
    burst
        Tokens that it holds at most.
    clock
        Seconds, from any beginning.
    """

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait(self, client: Hashable) -> float:
        """Take a token; return 0, or in how many seconds there will be one."""
        if not self._per_second:
            return 0.0
        now = self._clock()
        tokens, before = self._buckets.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - before) * self._per_second)
        allowed = tokens >= 1
        self._buckets[client] = (tokens - allowed, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self._per_second
