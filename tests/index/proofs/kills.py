"""A writer is killed from outside while others read: each sees committed states alone, in order."""

from __future__ import annotations

import os
import time
from collections import Counter
from itertools import count
from pathlib import Path

import numpy as np

from proofs.children import Child, Say
from proofs.clock import COLUMNS
from proofs.crashes import CLOCK, held, live
from rarefy.index import Index, Writer

__all__ = ["at_random"]


def at_random(home: Path, rounds: int, seed: int, readers: int = 2) -> Counter[str]:
    """Kill -9 a writer at a random moment, time after time.

    Parameters
    ----------
    home
        A folder.
    rounds
        Kills.
    seed
        Of the moments, up to 0.3 s after the first commit.
    readers
        Processes that refresh and search all the while.
    """
    folder, stop = home / "index", home / "stop"
    with Writer(folder, vocabulary_size=COLUMNS):
        pass
    watching = [Child(lambda say: watch(folder, stop, say)) for _ in range(readers)]
    rng = np.random.default_rng(seed)
    counts: Counter[str] = Counter()
    found = 0
    try:
        for _ in range(rounds):
            child = Child(lambda say, g=found: live(folder, count(g + 1), say=say))
            said = child.numbers()
            acknowledged = next(said)
            time.sleep(0.3 * rng.random())
            child.kill()
            acknowledged = max([acknowledged, *said])
            child.status()
            found = held(folder)
            assert acknowledged <= found <= acknowledged + 1, (acknowledged, found)
            counts["kills"] += 1
    finally:
        stop.touch()
        ends = [reader.end() for reader in watching]
    assert all(status == 0 for status, _ in ends), ends
    counts["commits"] = found
    counts["results of readers"] = sum(number for _, numbers in ends for number in numbers)
    return counts


def watch(folder: Path, stop: Path, say: Say) -> None:
    """Refresh and search until there is a file; say how many results were seen."""
    index = Index.open(folder)
    last = seen = 0
    parent = os.getppid()
    while not stop.exists() and os.getppid() == parent:
        index.refresh()
        g = CLOCK.told(index)
        assert g >= last, (g, last)
        last = g
        seen += 1
    say(seen)
