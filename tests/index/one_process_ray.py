"""What rarefy asks of Ray, in one process: quick, and it fails when it is told to.

Arguments and results are pickled, so that what cannot travel is noticed. Calls are carried out at
once; the answers of an actor that is slow come later.
"""

from __future__ import annotations

import pickle
import sys
import time
from types import ModuleType, SimpleNamespace

from ray import exceptions

from rarefy.index.distributed import fleet

__all__ = ["OneProcessRay", "started"]


class TaskError(exceptions.RayTaskError):
    def __init__(self, cause):
        self.cause = cause


class Reference:
    """What a call returns: a value or an error, from a moment on."""

    def __init__(self, run, at=0.0, error=None):
        self.at, self.error, self.value = at, error, None
        if error is None:
            try:
                self.value = pickle.loads(pickle.dumps(run()))
            except Exception as raised:
                self.error = TaskError(raised)


class Handle:
    """An actor: `dead` fails its calls, `delay` keeps its answers back for so many seconds."""

    def __init__(self, made, node):
        self.made, self.node, self.dead, self.delay, self.calls = made, node, False, 0.0, []

    def __getattr__(self, method):
        def remote(*arguments):
            self.calls.append(method)
            if self.dead:
                return Reference(None, error=exceptions.RayActorError())
            arguments = pickle.loads(pickle.dumps(arguments))
            slow = self.delay if method == "call" else 0.0
            return Reference(
                lambda: getattr(self.made, method)(*arguments), time.monotonic() + slow
            )

        return SimpleNamespace(remote=remote)


class Remote:
    def __init__(self, ray, what, options=None):
        self.ray, self.what, self.chosen = ray, what, options or {}

    def options(self, **options):
        return Remote(self.ray, self.what, options)

    def remote(self, *arguments):
        arguments = pickle.loads(pickle.dumps(arguments))
        if not isinstance(self.what, type):
            return Reference(lambda: self.what(*arguments))
        name = self.chosen.get("name")
        if name is not None and name in self.ray.named:
            raise ValueError(f"{name} is taken")
        strategy = self.chosen.get("scheduling_strategy")
        handle = Handle(self.what(*arguments), getattr(strategy, "node", None))
        if strategy == "SPREAD" and self.ray.doomed:
            self.ray.doomed, handle.dead = self.ray.doomed - 1, True
        if name is not None:
            self.ray.named[name] = handle
        self.ray.actors.append(handle)
        return handle


class Strategy:
    def __init__(self, node, soft):
        self.node = node


class OneProcessRay(ModuleType):
    """The module `ray`."""

    def __init__(self, nodes=2):
        super().__init__("ray")
        self.exceptions = exceptions
        self.actors, self.named = [], {}
        self.doomed = (
            0  # of the actors for which Ray chooses a node, how many have one that is gone
        )
        self.alive = [f"node-{i}" for i in range(nodes)]

    def remote(self, what):
        return Remote(self, what)

    def nodes(self):
        return [{"NodeID": n, "Alive": True, "Resources": {"CPU": 1.0}} for n in self.alive]

    def get(self, given, timeout=None):
        until = time.monotonic() + (1e9 if timeout is None else timeout)
        if isinstance(given, list):
            return [self.get(each, max(0.0, until - time.monotonic())) for each in given]
        while time.monotonic() < given.at:
            if time.monotonic() >= until:
                raise exceptions.GetTimeoutError
            time.sleep(0.001)
        if given.error is not None:
            raise given.error
        return given.value

    def wait(self, given, num_returns=1, timeout=None):
        until = time.monotonic() + (1e9 if timeout is None else timeout)
        while True:
            now = time.monotonic()
            done = [each for each in given if each.at <= now][:num_returns]
            if len(done) == num_returns or now >= until:
                return done, [each for each in given if each not in done]
            time.sleep(0.0005)

    def is_initialized(self):
        return True

    def cancel(self, reference):
        """Calls are over when they are made."""

    def kill(self, handle):
        handle.dead = True
        self.named = {name: each for name, each in self.named.items() if each is not handle}

    def lose(self, node):
        """Let a node be gone with all its actors."""
        self.alive.remove(node)
        for each in self.actors:
            each.dead = each.dead or each.node == node


def started(monkeypatch):
    """Put it in Ray's place, with a pulse that tests need not wait for."""
    module = OneProcessRay()
    monkeypatch.setitem(sys.modules, "ray", module)
    strategies = SimpleNamespace(NodeAffinitySchedulingStrategy=Strategy)
    monkeypatch.setitem(sys.modules, "ray.util.scheduling_strategies", strategies)
    monkeypatch.setattr(fleet, "BEAT", 0.01)
    return module
