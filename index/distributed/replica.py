"""A process that holds a shard, as those see it that ask it."""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import Any

from rarefy.index.distributed.connection import Address, Connection

__all__ = ["Replica"]

PULSE = pickle.dumps(("process",))
"""A request that every process answers at once."""


class Replica:
    """A process that holds a shard; it ends when nothing refers to it any more.

    Parameters
    ----------
    shard
        The shard's name.
    node
        The node's id.
    handle
        The actor.
    preparing
        The call that opens the state that is wanted first.
    """

    def __init__(self, shard: str, node: str, handle: Any, preparing: Any) -> None:
        self.shard, self.node, self.handle, self.preparing = shard, node, handle, preparing
        self.address: Address | None = None
        """Where it is asked, once it has opened that state."""
        self.missed = 0
        """Looks in a row at which it had not answered."""
        self.looked = 0.0
        """When it last answered a look, or the last of these was, by `time.monotonic`."""
        self.suspect = False
        """Whether another was quicker, or it failed, since it last answered a look: it is asked
        last."""
        self._idle: list[Connection] = []
        self._pulse: Connection | None = None

    @property
    def up(self) -> bool:
        """Whether it can be asked."""
        return self.address is not None

    def begin(self, request: bytes) -> Connection:
        """Ask, and return what brings the answer: see `Shard.call`.

        Raises
        ------
        OSError
            If it cannot be reached.
        """
        with suppress(IndexError, OSError):  # of none, or one that was closed while it was idle
            connection = self._idle.pop()
            connection.begin(request)
            return connection
        return self._begun(request)

    def free(self, connection: Connection) -> None:
        """Keep a connection that has brought its answer for the next request."""
        self._idle.append(connection)

    def renew(self) -> None:
        """Forget the connections that are idle, as one was found to be broken."""
        self._idle.clear()

    def pulse(self) -> bool:
        """Ask whether it is there; return whether it has answered since the last time.

        Raises
        ------
        OSError
            If it is not.
        """
        answered = self._pulse is not None and self._pulse.go_on() is not None
        if answered or self._pulse is None:
            self._pulse = self._begun(PULSE)  # a new connection, as queries may need one too
        return answered

    def _begun(self, request: bytes) -> Connection:
        assert self.address is not None
        connection = Connection(self.address)
        connection.begin(request)
        return connection
