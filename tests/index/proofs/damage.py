"""Files that are changed or cut: an error says so, or nothing is different; nobody crashes.

Cases are tried in a forked child, so that a signal is a failure that is told like others.
"""

from __future__ import annotations

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


def everywhere(home: Path, stride: int = 1) -> Counter[str]:
    """Change every byte in two ways and cut every file at every length, one at a time.

    Parameters
    ----------
    home
        A folder.
    stride
        Every how many cases.
    """
    folder = home / "index"
    live(folder, range(1, STEPS + 1), clock=CLOCK)
    index = Index.open(folder)
    assert len(index._snapshot.parts) > 1
    assert any(part.alive is not None for part in index._snapshot.parts)
    files = [path for path in sorted(folder.iterdir()) if path.stat().st_size]
    cases = [
        Case(path.name, at, mask)
        for path in files
        for at in range(path.stat().st_size)
        for mask in (0xFF, 1 << (at % 8), 0)
    ][::stride]
    status, outcomes = Child(lambda say: attempt(folder, cases, say)).end()
    counts: Counter[str] = Counter({"files": len(files)})
    for case, outcome in zip(cases, outcomes, strict=False):
        counts["changed bytes" if case.mask else "cuts"] += 1
        counts[("without effect", "refused", "wrong")[outcome]] += 1
        assert outcome != WRONG, case
    assert status == 0, (status, cases[len(outcomes)])
    return counts


def attempt(folder: Path, cases: Sequence[Case], say: Say) -> None:
    """Try cases one after the other, and tell the outcome of each."""
    for name, at, mask in cases:
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
