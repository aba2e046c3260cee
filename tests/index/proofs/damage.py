"""Files that are changed or cut: an error says so, or nothing is different; nobody crashes.

Each case is tried in a forked child, so that a signal is a failure that is counted.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from proofs.children import Child, Say
from proofs.clock import QUERIES, Clock
from proofs.crashes import live
from rarefy.errors import InputError
from rarefy.index import Index

__all__ = ["everywhere"]

CLOCK = Clock(names=21, batch=4)
STEPS = 8
SAME, REFUSED, WRONG = range(3)


class Case(NamedTuple):
    """One damage: the byte at a place is changed by a mask, or the file ends there if it is 0."""

    file: str
    at: int
    mask: int


def everywhere(home: Path, stride: int = 1, workers: int = 1) -> Counter[str]:
    """Change every byte in two ways and cut every file at every length, one at a time.

    Parameters
    ----------
    home
        A folder.
    stride
        Every how many cases.
    workers
        Processes at once.
    """
    sound = home / "sound"
    live(sound, range(1, STEPS + 1), clock=CLOCK)
    index = Index.open(sound)
    assert len(index._snapshot.parts) > 1
    assert any(part.alive is not None for part in index._snapshot.parts)
    cases = [
        Case(path.name, at, mask)
        for path in sorted(sound.iterdir())
        for at in range(path.stat().st_size)
        for mask in (0xFF, 1 << (at % 8), 0)
    ][::stride]
    counts: Counter[str] = Counter({"files": len({case.file for case in cases})})
    shares = [list(range(i, len(cases), workers)) for i in range(workers)]
    children = []
    for i, share in enumerate(shares):
        shutil.copytree(sound, home / str(i))
        children.append(Child(lambda say, i=i, s=share: attempt(home / str(i), cases, s, say)))
    for share, child in zip(shares, children, strict=True):
        status, outcomes = child.end()
        for number, outcome in zip(share, outcomes, strict=False):
            counts["cut" if cases[number].mask == 0 else "changed"] += 1
            counts[("the same", "refused", "wrong")[outcome]] += 1
            assert outcome != WRONG, cases[number]
        assert status == 0, (status, cases[share[len(outcomes)]])
    return counts


def attempt(folder: Path, cases: Sequence[Case], numbers: Sequence[int], say: Say) -> None:
    """Try cases one after the other, and tell the outcome of each."""
    for number in numbers:
        name, at, mask = cases[number]
        path = folder / name
        content = path.read_bytes()
        changed = content[:at] + (bytes([content[at] ^ mask]) + content[at + 1 :] if mask else b"")
        path.write_bytes(changed)
        say(outcome(folder))
        path.write_bytes(content)


def outcome(folder: Path) -> int:
    """Return whether a folder is refused, or holds what it held."""
    try:
        index = Index.open(folder)
        Index.verify(folder)
        hits = index.search(QUERIES, k=CLOCK.names + 1)
    except InputError:
        return REFUSED
    try:
        return SAME if CLOCK.checked(hits, CLOCK.names + 1, False) == STEPS else WRONG
    except AssertionError:
        return WRONG
