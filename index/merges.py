"""The merges of a writer that run, in threads of their own."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from threading import Condition, Thread

from rarefy.index.replacement import Replacement

__all__ = ["Merges", "is_of_merge"]

NICENESS = 15
"""Of 19. Searches beside merges have 30% less at the 99th percentile than with 0."""
NOTE = "segments could not be merged; what was committed is committed"


def is_of_merge(error: BaseException) -> bool:
    """Return whether an error is that of a merge: the commit that raised it is done."""
    return NOTE in getattr(error, "__notes__", ())


class Merges:
    """Carries out merges, one after the other in each thread.

    Parameters
    ----------
    state
        The lock of the writer's state; all methods are called with it.
    choose
        Returns what should become one, given the names of segments that are becoming one already;
        None if nothing should. Called with the lock.
    carry_out
        Makes a segment and commits it; returns whether it did, as otherwise there is nothing new to
        choose from. Called without the lock where there are threads.
    background
        Whether there are threads; otherwise `begin` does all the work.
    """

    def __init__(
        self,
        state: Condition,
        choose: Callable[[set[str]], Replacement | None],
        carry_out: Callable[[Replacement], bool],
        background: bool,
    ) -> None:
        self._state = state
        self._choose = choose
        self._carry_out = carry_out
        self._background = background
        self._running: list[Replacement] = []
        self._settling = False
        self._failure: BaseException | None = None

    @property
    def files(self) -> set[str]:
        """Names of the files that merges read and write."""
        return set[str]().union(*(each.files for each in self._running))

    def begin(self) -> None:
        """Begin all merges that should be."""
        while self._failure is None and (merge := self._next()):
            if self._background:
                Thread(target=self._work_behind, args=(merge,), name="rarefy-merge").start()
                self._running.append(merge)
            else:
                self.run(merge)

    def run(self, merge: Replacement) -> None:
        """Carry out a merge in this thread, and those that follow from it."""
        self._running.append(merge)
        self._work(merge)

    def wait_until(self, enough: Callable[[], bool]) -> None:
        """Wait until it is enough, or no merge runs that could change that."""
        self._state.wait_for(lambda: enough() or not self._running or self._failure is not None)

    def settle(self) -> None:
        """Wait until no merge runs; none is begun meanwhile."""
        self._settling = True
        try:
            self._state.wait_for(lambda: not self._running)
        finally:
            self._settling = False

    def report(self) -> None:
        """Raise what a merge failed with, once."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _next(self) -> Replacement | None:
        if self._settling:
            return None
        return self._choose(set[str]().union(*(each.replaced for each in self._running)))

    def _work_behind(self, merge: Replacement) -> None:
        """Work when searches and commits leave time, where a thread can have a priority."""
        if sys.platform == "linux":
            thread = threading.get_native_id()
            with suppress(OSError):  # a system may refuse; the merge is not to fail for that
                niceness = max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread))
                os.setpriority(os.PRIO_PROCESS, thread, niceness)
        self._work(merge)

    def _work(self, merge: Replacement | None) -> None:
        while merge is not None:
            done, failure = False, None
            try:
                done = self._carry_out(merge)
            except BaseException as error:
                error.add_note(NOTE)
                failure = error
            with self._state:
                self._running.remove(merge)
                self._failure = self._failure or failure
                merge = self._next() if done else None
                if merge is not None:
                    self._running.append(merge)
                self._state.notify_all()
