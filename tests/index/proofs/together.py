"""One writer, threads and processes that read: every result is that of some committed state."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from itertools import count, takewhile
from pathlib import Path
from threading import Event, Thread

from proofs.children import Child
from proofs.clock import COLUMNS, Clock
from proofs.crashes import live
from rarefy.index import Index, Writer

__all__ = ["read_and_written"]

CLOCK = Clock(names=201, batch=20)
WAYS = ((None, False), (None, True), (3, False), (1, True))
"""How many results, and whether filtered."""
PAUSE = 0.002
"""Seconds between looks, without which threads of Python would hardly let the writer run."""


def read_and_written(
    home: Path, seconds: float, threads: int = 8, processes: int = 4
) -> Counter[str]:
    """Write for a time, while all others refresh, search and filter, and check what they get.

    Half of the threads share one index, which any of them refreshes.
    """
    folder, stop = home / "index", home / "stop"
    with Writer(folder, vocabulary_size=COLUMNS):
        pass
    shared = Index.open(folder)
    over = Event()
    children = [
        Child(lambda say: say(reading(Index.open(folder), True, stop.exists)))
        for _ in range(processes)
    ]
    seen: list[int] = []
    failures: list[BaseException] = []

    def work(index: Index, alone: bool) -> None:
        try:
            seen.append(reading(index, alone, over.is_set))
        except BaseException as error:
            failures.append(error)
            over.set()

    readers = [
        Thread(target=work, args=(Index.open(folder) if i % 2 else shared, bool(i % 2)))
        for i in range(threads)
    ]
    for reader in readers:
        reader.start()
    until = time.monotonic() + seconds
    steps = takewhile(lambda _: time.monotonic() < until and not over.is_set(), count(1))
    commits: list[int] = []
    try:
        live(folder, steps, say=commits.append, clock=CLOCK, spilled=8000)
    finally:
        over.set()
        stop.touch()
        for reader in readers:
            reader.join()
        ends = [child.end() for child in children]
    if failures:
        raise failures[0]
    assert all(status == 0 for status, _ in ends), ends
    of_processes = sum(number for _, numbers in ends for number in numbers)
    return Counter(
        {"commits": len(commits), "results of threads": sum(seen), "of processes": of_processes}
    )


def reading(index: Index, alone: bool, over: Callable[[], bool]) -> int:
    """Search until it is over; return how many results were checked.

    Who refreshes an index alone never goes back.
    """
    seen = last = 0
    while not over():
        index.refresh()
        for k, filtered in WAYS:
            g = CLOCK.told(index, k, filtered)
            assert not alone or g >= last, (g, last)
            last = g
            seen += 1
        time.sleep(PAUSE)
    return seen
