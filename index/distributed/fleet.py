"""The replicas of shards: started, watched, replaced and moved."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from rarefy.errors import DeadlineError, InputError, RarefyError, UnavailableError, require
from rarefy.index.distributed.commits import ShardEntry
from rarefy.index.distributed.placement import best_node, crowd, move
from rarefy.index.distributed.replica import Replica
from rarefy.index.distributed.shard import Shard
from rarefy.index.distributed.storage import Storage

__all__ = ["Fleet", "cause"]

log = logging.getLogger("rarefy.index")

BEAT = 1.0
"""Seconds from one look at all replicas to the next."""
MISSED = 5
"""Looks in a row at which a replica has not answered the look before: it is taken for lost."""
SHUNNED = 30.0
"""Seconds for which a node on which one was lost so gets no others, if there are other nodes."""
CALLS = 2
"""Calls of Ray's that a replica answers at once."""


class Fleet:
    """Keeps so many replicas of each shard, on different nodes where there are enough.

    A thread looks at all of them every second. One that has ended, or whose node has, or that has
    not answered for five looks, is replaced by one on another node, which takes its files from the
    storage. Where nodes come or go, replicas move one at a time, and an old one stays until the new
    one is ready.

    Parameters
    ----------
    storage
        Where shards are kept.
    replicas
        How many each has.
    scratch, verify
        As `Shard` has them.
    """

    def __init__(self, storage: Storage, replicas: int, scratch: str | None, verify: bool) -> None:
        self._ray = require("ray", "ray")
        self._pinned = require(
            "ray.util.scheduling_strategies", "ray"
        ).NodeAffinitySchedulingStrategy
        self._actor = self._ray.remote(Shard)
        self._arguments = storage, scratch, verify
        self._wanted: dict[str, ShardEntry] = {}
        self._count = replicas
        self._replicas: list[Replica] = []
        self._failures: dict[str, BaseException] = {}
        self._problems: dict[str, BaseException] = {}
        self._drained: frozenset[str] = frozenset()
        self._shunned: dict[str, float] = {}
        self._hosts: dict[str, str] = {}
        self._turn = itertools.count()
        self._state = threading.Condition()
        self._look = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._watch, name="rarefy-fleet", daemon=True)
        self._thread.start()

    def serve(self, entries: Sequence[ShardEntry], deadline: float) -> None:
        """Make shards as they are in a commit ready at one replica each, or more.

        Shards of before are served on; see `keep`.

        Raises
        ------
        DeadlineError
            If that takes longer than until the deadline, by `time.monotonic`.
        """
        with self._state:
            before = self._wanted
            self._wanted = before | {entry.name: entry for entry in entries}
            self._failures.clear()
        try:
            self._ready(entries, deadline)
        except BaseException:
            with self._state:
                self._wanted = before
                self._failures.clear()
            self.keep(list(before))
            raise

    def _ready(self, entries: Sequence[ShardEntry], deadline: float) -> None:
        """Wait until one replica of each shard has opened its state."""
        for entry in entries:
            self.wait_for(entry.name, deadline)
        ready = {entry.name: self._preparing(entry) for entry in entries}
        for entry in entries:
            while not self._opened(entry.name, ready[entry.name], deadline):
                self.wait_for(entry.name, deadline)
                ready[entry.name] = self._preparing(entry)

    def _preparing(self, entry: ShardEntry) -> dict[Any, Replica]:
        """Let all replicas of a shard open a state."""
        return {each.handle.prepare.remote(entry): each for each in self.of(entry.name)}

    def _opened(self, shard: str, calls: dict[Any, Replica], deadline: float) -> bool:
        """Wait until one of several replicas has opened a state; return False if all are lost."""
        failure = None
        while calls:
            left = max(0.0, deadline - time.monotonic())
            done, _ = self._ray.wait(list(calls), timeout=left)
            if not done:
                raise DeadlineError(f"no replica of {shard} has opened the commit in time")
            replica = calls.pop(done[0])
            try:
                self._ray.get(done[0])
            except self._ray.exceptions.RayTaskError as error:
                failure = cause(error)
            except self._ray.exceptions.RayError:
                self.lost(replica)
            else:
                return True
        if failure is not None:
            raise failure
        return False

    def keep(self, names: Sequence[str]) -> None:
        """Serve no shards but these any longer; calls that run are still answered."""
        with self._state:
            self._wanted = {name: each for name, each in self._wanted.items() if name in names}
            self._replicas = [each for each in self._replicas if each.shard in self._wanted]

    def of(self, shard: str) -> list[Replica]:
        """Return the replicas of a shard that can be asked, in the order to ask them."""
        with self._state:
            found = [each for each in self._replicas if each.shard == shard and each.up]
        if len(found) > 1:
            first = next(self._turn) % len(found)
            found = found[first:] + found[:first]
        return sorted(found, key=lambda each: each.suspect)

    def wait_for(self, shard: str, deadline: float) -> None:
        """Wait until a shard has a replica that can be asked.

        Raises
        ------
        DeadlineError
            If it has none by the deadline; the message says what the last one failed with.
        InputError
            If the fleet is closed.
        RarefyError
            If no replica can be made, for a reason that does not pass.
        """

        def over() -> bool:
            return (
                self._closed
                or shard in self._failures
                or any(each.shard == shard and each.up for each in self._replicas)
            )

        with self._state:
            if not any(each.shard == shard for each in self._replicas):
                self._look.set()
            self.check_open()
            if shard not in self._wanted:
                raise UnavailableError(f"{shard} is not part of the index any more: refresh()")
            if not self._state.wait_for(over, max(0.0, deadline - time.monotonic())):
                problem = self._problems.get(shard)
                raise DeadlineError(
                    f"no replica of {shard} came up in time"
                    f"{f', the last one failed with {problem!r}' if problem else ''}: see "
                    f"`ray status`"
                )
            self.check_open()
            if not any(each.shard == shard and each.up for each in self._replicas):
                raise self._failures[shard]

    def lost(self, replica: Replica) -> None:
        """Take note that a replica is gone."""
        self._drop(replica)
        self._look.set()

    def _drop(self, replica: Replica) -> None:
        with self._state:
            self._replicas = [each for each in self._replicas if each is not replica]

    def retry(self) -> None:
        """Start replicas again of shards of which that has failed."""
        with self._state:
            self._failures.clear()
        self._look.set()

    def drain(self, nodes: Sequence[str]) -> None:
        """Let no replica be on these nodes: move those that are."""
        self._drained = frozenset(nodes)
        self._look.set()

    def nodes(self) -> dict[str, list[str]]:
        """Return the shards of the replicas that can be asked, by node."""
        with self._state:
            found: dict[str, list[str]] = {}
            for each in self._replicas:
                if each.up:
                    found.setdefault(each.node, []).append(each.shard)
        return found

    def strong(self) -> bool:
        """Return whether each shard has all its replicas, and none is to move."""
        with self._state:
            up = [each for each in self._replicas if each.up]
            full = all(
                sum(each.shard == shard for each in up) == self._count for shard in self._wanted
            )
            return full and len(up) == len(self._replicas)

    def check_open(self) -> None:
        """Raise InputError after `close`."""
        if self._closed:
            raise InputError("the index is closed: open it again")

    def close(self) -> None:
        """Let all replicas go."""
        with self._state:
            self._closed = True
            self._replicas, self._wanted = [], {}
            self._state.notify_all()
        self._look.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed:
            self._look.wait(BEAT)
            self._look.clear()
            try:
                self._beat()
            except Exception:  # of Ray's head, say: the next look may do better
                log.exception("the replicas could not be looked at")

    def _beat(self) -> None:
        """Look at all replicas once, and do what is to be done."""
        self._hosts = {
            node["NodeID"]: node["NodeManagerAddress"]
            for node in self._ray.nodes()
            if node["Alive"] and node["Resources"].get("CPU", 0) > 0
        }
        alive = self._hosts.keys()
        for each in list(self._replicas):
            if each.node not in alive or not self._well(each):
                self._drop(each)
        shunned = {node for node, until in self._shunned.items() if until > time.monotonic()}
        open_ = alive - self._drained
        nodes = sorted(open_ - shunned or open_ or alive)
        with self._state:
            if self._closed or not nodes:
                return
            for shard, entry in self._wanted.items():
                if shard in self._failures:
                    continue
                here = [each for each in self._replicas if each.shard == shard]
                for _ in range(self._count - len(here)):
                    self._start(entry, best_node(shard, nodes, self._replicas))
                ready = [each for each in here if each.up]
                if len(ready) > self._count:
                    self._replicas.remove(max(ready, key=lambda each: self._crowd(each, nodes)))
            if all(each.up for each in self._replicas):
                better = move(nodes, self._replicas)
                stranded = [each for each in self._replicas if each.node not in nodes]
                if stranded:
                    better = stranded[0], best_node(stranded[0].shard, nodes, self._replicas)
                if better is not None:
                    self._start(self._wanted[better[0].shard], better[1])
            self._state.notify_all()

    def _crowd(self, replica: Replica, nodes: Sequence[str]) -> tuple[bool, int, int]:
        """Return how much a replica is where it should not be."""
        return replica.node not in nodes, *crowd(replica.shard, replica.node, self._replicas)

    def _well(self, replica: Replica) -> bool:
        """Look at a replica; return whether it is there."""
        if not replica.up:
            return self._starts(replica)
        try:
            answered = replica.pulse()
        except OSError:
            return False
        now = time.monotonic()
        if answered:
            replica.missed, replica.suspect = 0, False
        elif now - replica.looked < BEAT:
            return True  # a look that came early, as another replica was lost
        else:
            replica.missed += 1
        replica.looked = now
        if replica.missed >= MISSED:
            self._shunned[replica.node] = time.monotonic() + SHUNNED
        return replica.missed < MISSED

    def _starts(self, replica: Replica) -> bool:
        """Note where a replica is asked once it can be; return False if it has failed."""
        if not self._ray.wait([replica.preparing], timeout=0)[0]:
            return True
        try:
            address = self._ray.get(replica.preparing)
        except self._ray.exceptions.RayError as error:
            reason = cause(error)
            log.warning("a process of %s did not start: %s", replica.shard, reason)
            with self._state:
                self._problems[replica.shard] = reason
                if isinstance(reason, RarefyError):
                    self._failures[replica.shard] = reason
                    self._state.notify_all()
            return False
        with self._state:
            replica.address = address
            self._problems.pop(replica.shard, None)
            self._state.notify_all()
        return True

    def _start(self, entry: ShardEntry, node: str) -> None:
        handle = self._actor.options(
            num_cpus=0, max_concurrency=CALLS, scheduling_strategy=self._pinned(node, soft=False)
        ).remote(*self._arguments, self._hosts[node])
        self._replicas.append(Replica(entry.name, node, handle, handle.prepare.remote(entry)))


def cause(error: BaseException) -> BaseException:
    """Return what was raised in another process, without its way here."""
    return getattr(error, "cause", None) or error
