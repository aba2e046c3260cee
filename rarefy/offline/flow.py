"""Tasks in Ray's processes, no more at once than there are workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from rarefy.errors import UnavailableError, require
from rarefy.index.distributed.fleet import cause

__all__ = ["Workers"]

RETRIES = 3
"""How often a task is begun again whose process or node is lost."""


class Workers(NamedTuple):
    """How many tasks run at once, and what each of them takes.

    Attributes
    ----------
    limit : int or None
        None for as many as the cluster's processors, and what it has of GPUs, allow at the time.
    cpus : int
        Of a task.
    gpus : float
        Of a task; may be a part of one.
    """

    limit: int | None
    cpus: int
    gpus: float

    def run(
        self, function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], name: str
    ) -> Iterator[tuple[int, Any]]:
        """Call a function with each of many arguments; begin a call when another one has ended.

        A call is begun again where its process or its node is lost, so that it must not matter
        whether it ran before.

        Parameters
        ----------
        function
            Of a module that all nodes have.
        arguments
            Read when they are needed.
        name
            What Ray's tools call the tasks.

        Yields
        ------
        int, object
            The number of a call and what it returned, as they end.

        Raises
        ------
        UnavailableError
            If a task is lost again and again.
        BaseException
            What a call raises.
        """
        ray = require("ray", "ray")
        task = ray.remote(function).options(
            num_cpus=self.cpus,
            num_gpus=self.gpus,
            max_retries=RETRIES,
            scheduling_strategy="SPREAD",
            name=name,
        )
        running: dict[Any, int] = {}
        try:
            for number, each in enumerate(arguments):
                while len(running) >= (self.limit or self._room(ray)):
                    yield self._next(ray, running, name)
                running[task.remote(*each)] = number
            while running:
                yield self._next(ray, running, name)
        finally:
            for reference in running:
                ray.cancel(reference)

    def _next(self, ray: Any, running: dict[Any, int], name: str) -> tuple[int, Any]:
        """Wait for one that ends."""
        (done,), _ = ray.wait(list(running), num_returns=1)
        number = running.pop(done)
        try:
            return number, ray.get(done)
        except ray.exceptions.RayTaskError as error:
            raise cause(error) from None
        except ray.exceptions.RayError as error:
            raise UnavailableError(
                f"{name}: task {number} was lost {RETRIES + 1} times, the last time by "
                f"{type(error).__name__}: {error}: see `ray status`, mind the nodes' memory, and "
                f"run the same command again to go on"
            ) from error

    def _room(self, ray: Any) -> int:
        """Return how many tasks the nodes have room for, one at least."""
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        places = [
            min(
                int(node.get("CPU", 0) // self.cpus),
                int(node.get("GPU", 0) // self.gpus) if self.gpus else 2**31,
            )
            for node in nodes
        ]
        return max(1, sum(places))
