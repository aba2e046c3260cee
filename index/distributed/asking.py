"""One question to several shards: failover, hedging and deadlines."""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from rarefy.errors import DamagedIndexError, DeadlineError, RarefyError, UnavailableError
from rarefy.index.distributed.connection import Connection, wait
from rarefy.index.distributed.fleet import Fleet
from rarefy.index.distributed.replica import Replica

__all__ = ["ask"]

LEAST_HEDGE, MOST_HEDGE = 0.01, 1.0
"""Seconds without an answer after which another replica is asked too, at least and at most."""
SLOWER = 2.0
"""Between these: so many times what half of the shards took."""


def ask(
    fleet: Fleet,
    method: str,
    arguments: Mapping[str, tuple[Any, ...]],
    deadline: float,
    *,
    partial: bool = False,
) -> dict[str, Any]:
    """Call a method of one replica of each shard, and return what they return.

    Where a replica fails, the next one is asked; where none is left, those that come up in its
    place. A shard that takes twice as long as half of the shards took is asked again at another
    replica, and the first answer counts (Dean and Barroso, The tail at scale, 2013).

    Parameters
    ----------
    fleet
        Who is asked.
    method
        Of `Shard`.
    arguments
        By shard.
    deadline
        When to give up, by `time.monotonic`.
    partial
        Whether those that have not answered by then are left out.

    Raises
    ------
    DeadlineError
        If a shard has not answered by the deadline.
    RarefyError, OSError
        What the method raised: where any replica would raise it, or all have.
    """
    question = _Question(fleet, method, arguments, deadline)
    try:
        question.run()
    except DeadlineError:
        if not partial:
            raise
    finally:
        question.end()
    return question.answers


class _Call(NamedTuple):
    shard: str
    replica: Replica
    began: float


class _Question:
    def __init__(
        self, fleet: Fleet, method: str, arguments: Mapping[str, tuple[Any, ...]], deadline: float
    ) -> None:
        self._fleet, self._method, self._arguments = fleet, method, arguments
        self._deadline = deadline
        self._running: dict[Connection, _Call] = {}
        self._tried: dict[str, list[Replica]] = {shard: [] for shard in arguments}
        self._took: list[float] = []
        self.answers: dict[str, Any] = {}

    def run(self) -> None:
        for shard in self._arguments:
            self._begin(shard)
        while len(self.answers) < len(self._arguments):
            now = time.monotonic()
            if now >= self._deadline:
                missing = sorted(self._arguments.keys() - self.answers.keys())
                raise DeadlineError(
                    f"{len(missing)} of {len(self._arguments)} shards did not answer in time "
                    f"({missing[0]}): allow more time with deadline=..., or ask for partial=True"
                )
            hedge = self._hedge()
            waits = [call.began + hedge - now for call in self._running.values()]
            pause = min((each for each in waits if each > 0), default=MOST_HEDGE)
            if self.answers.keys() | {call.shard for call in self._running.values()} != (
                self._arguments.keys()
            ):
                pause = LEAST_HEDGE  # a shard has no replica yet
            if self._running:
                pause = min(pause, self._deadline - now)
                for connection in wait(list(self._running), pause):
                    self._take(connection)
            for shard in self._arguments.keys() - self.answers.keys():
                self._go_on(shard)

    def _begin(self, shard: str) -> None:
        """Ask a replica that was not asked yet; where there is none, wait a moment for one.

        Not for longer: others have answers meanwhile.
        """
        untried = self._untried(shard)
        if not untried:
            self._tried[shard].clear()
            with suppress(DeadlineError):
                soon = time.monotonic() + LEAST_HEDGE
                self._fleet.wait_for(shard, min(soon, self._deadline))
                untried = self._untried(shard)
        if untried:
            self._call(shard, untried[0])

    def _untried(self, shard: str) -> list[Replica]:
        return [each for each in self._fleet.of(shard) if each not in self._tried[shard]]

    def _call(self, shard: str, replica: Replica) -> None:
        self._tried[shard].append(replica)
        request = pickle.dumps((self._method, *self._arguments[shard]))
        try:
            connection = replica.begin(request)
        except OSError:
            self._fleet.lost(replica)
        else:
            self._running[connection] = _Call(shard, replica, time.monotonic())

    def _take(self, connection: Connection) -> None:
        """Take the answer of a call once it is there, or note why there is none."""
        call = self._running[connection]
        try:
            answer = connection.go_on()
            if answer is None:
                return
        except OSError:
            del self._running[connection]
            if connection.used:  # it may have been cut while it was idle
                call.replica.renew()
                self._call(call.shard, call.replica)
            else:
                self._fleet.lost(call.replica)
            return
        del self._running[connection]
        call.replica.free(connection)
        failed, found = pickle.loads(answer)
        if call.shard in self.answers:
            return  # of another replica, which was quicker
        if not failed:
            self.answers[call.shard] = found
            self._took.append(time.monotonic() - call.began)
            return
        lasting = isinstance(found, RarefyError) and not isinstance(
            found, DamagedIndexError | UnavailableError
        )
        others = [each for each in self._running.values() if each.shard == call.shard]
        if lasting or not (others or self._untried(call.shard)):
            raise found
        call.replica.suspect = True

    def end(self) -> None:
        """Await no more answers."""
        for connection in self._running:
            connection.close()

    def _go_on(self, shard: str) -> None:
        """Ask another replica if none is at work, or the one that is takes long."""
        calls = [call for call in self._running.values() if call.shard == shard]
        if not calls:
            self._begin(shard)
        elif (
            len(calls) == 1
            and time.monotonic() - calls[0].began > self._hedge()
            and (untried := self._untried(shard))
        ):
            calls[0].replica.suspect = True
            self._call(shard, untried[0])

    def _hedge(self) -> float:
        """Return after how many seconds a call takes long."""
        half = -(-len(self._arguments) // 2)
        if len(self._took) < half:
            return MOST_HEDGE
        return min(max(SLOWER * sorted(self._took)[half - 1], LEAST_HEDGE), MOST_HEDGE)
