"""What rarefy asks of Ray, in one process: quick, and it fails when it is told to.

Arguments and results are pickled, so that what cannot travel is noticed. Calls are carried out at
once. What travels beside Ray does so here too, over real connections.
"""

from __future__ import annotations

import pickle
import sys
import time
import weakref
from types import ModuleType, SimpleNamespace

from ray import exceptions

from rarefy.index.distributed import fleet

__all__ = ["OneProcessRay", "started"]


class TaskError(exceptions.RayTaskError):
    def __init__(self, cause):
        self.cause = cause


class Reference:
    """What a call returns: a value or an error."""

    def __init__(self, run, error=None):
        self.error, self.value = error, None
        if error is None:
            try:
                self.value = pickle.loads(pickle.dumps(run()))
            except Exception as raised:
                self.error = TaskError(raised)


class Handle:
    """An actor: `dead` fails its calls, `delay` keeps its answers back for so many seconds."""

    def __init__(self, made, node):
        self.made, self.node, self.delay, self.calls, self._dead = made, node, 0.0, [], False
        self.listener = getattr(made, "_listener", None)
        if self.listener is not None:
            self.answer, self.listener.answer = self.listener.answer, self.slowly

    def slowly(self, request):
        method, *_ = pickle.loads(request)
        if method != "process":
            self.calls.append("call")
            time.sleep(self.delay)
        return self.answer(request)

    @property
    def dead(self):
        return self._dead

    @dead.setter
    def dead(self, dead):
        self._dead = dead
        if dead and self.listener is not None:
            self.listener.close()

    def __getattr__(self, method):
        def remote(*arguments):
            self.calls.append(method)
            if self.dead:
                return Reference(None, error=exceptions.RayActorError())
            arguments = pickle.loads(pickle.dumps(arguments))
            return Reference(lambda: getattr(self.made, method)(*arguments))

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
        living = {"Alive": True, "Resources": {"CPU": 1.0}, "NodeManagerAddress": "127.0.0.1"}
        return [{"NodeID": node, **living} for node in self.alive]

    def get(self, given):
        if isinstance(given, list):
            return [self.get(each) for each in given]
        if given.error is not None:
            raise given.error
        return given.value

    def wait(self, given, num_returns=1, timeout=None):
        return given[:1], given[1:]

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
    weakref.finalize(module, _end, module.actors)
    monkeypatch.setattr(fleet, "BEAT", 0.01)
    monkeypatch.setattr(fleet, "MISSED", 1000)  # threads of this process share one interpreter
    return module


def _end(actors):
    for each in actors:
        each.dead = True
