"""Whatever operation of the file system kills the process or fails, commits are whole and stay.

Processes are real ones, forked, and end by `os._exit` within the operation.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from faults import ERRORS, FaultyFiles

from proofs.children import Child, Say
from proofs.clock import COLUMNS, Attempt, Clock, once
from rarefy.errors import InputError
from rarefy.index import Index, Writer

__all__ = [
    "CLOCK",
    "at_every_error",
    "at_every_operation",
    "in_recovery",
    "kill_after_kill",
    "live",
]

CLOCK = Clock()
DIED = 71
OPERATIONS = 400
"""Of a life of three commits, about."""
QUIET = 3
"""So many lives without a death in a row: there are no more operations."""


def live(
    folder: Path,
    steps: Iterable[int],
    files: FaultyFiles | None = None,
    say: Say = lambda _: None,
    attempt: Attempt = once,
    clock: Clock = CLOCK,
    spilled: int = 600,
    background: bool = False,
) -> None:
    """Make commits, and tell of each when it has returned.

    Documents are spilled before they are committed; some commits are merges, some changes are taken
    back, and now and then the writer is closed and another one opened.
    """

    def opened() -> Writer:
        return attempt(
            lambda: Writer(
                folder,
                vocabulary_size=COLUMNS,
                buffer_bytes=spilled,
                background=background,
                files=files,
            )
        )

    writer = opened()
    for g in steps:
        if g % 5 == 2:
            attempt(partial(clock.upsert, writer, {"d1": 1, "never": 2}))
            attempt(writer.rollback)
        clock.change(writer, g, attempt)
        attempt(writer.merge if g % 4 == 3 else writer.commit)
        say(g)
        if g % 3 == 1:
            writer.close()
            writer = opened()
    writer.close()


def held(folder: Path, clock: Clock = CLOCK) -> int:
    """Return which commit a folder holds, 0 for none; all bytes of it are checked."""
    try:
        index = Index.open(folder)
    except InputError as error:
        assert "holds no index" in str(error), error
        return 0
    Index.verify(folder)
    return clock.told(index)


def goes_on(folder: Path, g: int) -> None:
    """Check that the next commit can be made."""
    live(folder, [g + 1], FaultyFiles())
    assert held(folder) == g + 1


def dying(at: int, seed: int | None) -> FaultyFiles:
    """Return files that end the process at an operation, with the power if there is a seed."""

    def die(files: FaultyFiles) -> None:
        if seed is not None:
            files.lose_power(np.random.default_rng([seed, at]))
        os._exit(DIED)

    return FaultyFiles(at, death=die)


def died(folder: Path, steps: Iterable[int], at: int, seed: int | None) -> tuple[bool, int]:
    """Live in a child; return whether it died, and its last commit that had returned."""
    first = held(folder)
    child = Child(lambda say: live(folder, steps, dying(at, seed), say))
    status, said = child.end()
    assert status in (DIED, 0), status
    return status == DIED, max([first, *said])


@contextmanager
def _emptied(home: Path) -> Any:
    home.mkdir(parents=True)
    yield home / "index"
    shutil.rmtree(home)


def at_every_operation(
    home: Path, steps: int, seeds: Iterable[int | None], stride: int = 1
) -> Counter[str]:
    """Kill a life at each of its operations; see what is held, and go on.

    Parameters
    ----------
    home
        A folder.
    steps
        Commits of the life.
    seeds
        None for a kill; a number for a loss of power too, which draws what is lost.
    stride
        Every how many operations.
    """
    counts: Counter[str] = Counter()
    for seed in seeds:
        alive = 0
        for at in count(0, stride):
            with _emptied(home / f"{seed}-{at}") as folder:
                dead, acknowledged = died(folder, range(1, steps + 1), at, seed)
                alive = 0 if dead else alive + 1
                if alive == QUIET:
                    break
                if dead:
                    found = held(folder)
                    assert acknowledged <= found <= acknowledged + 1, (acknowledged, found)
                    goes_on(folder, found)
                    counts["deaths" if seed is None else "losses of power"] += 1
                    counts["of these with a commit that had not returned"] += found > acknowledged
    return counts


def in_recovery(
    home: Path, steps: int, seed: int | None, stride: int = 1, again_stride: int = 1
) -> Counter[str]:
    """Kill a life at each operation, and then what recovers from it at each of its own."""
    counts: Counter[str] = Counter()
    for at in count(0, stride):
        with _emptied(home / str(at)) as folder:
            dead, _ = died(folder, range(1, steps + 1), at, seed)
            if not dead:
                return counts
            found = held(folder)
            for again in count(0, again_stride):
                copy = folder.with_name(f"again-{again}")
                if folder.exists():
                    shutil.copytree(folder, copy)
                dead, acknowledged = died(copy, [found + 1], again, seed)
                last = held(copy)
                assert acknowledged <= last <= found + 1, (found, acknowledged, last)
                goes_on(copy, last)
                shutil.rmtree(copy)
                counts["deaths while recovering"] += dead
                if not dead:
                    break
    return counts


def kill_after_kill(home: Path, cycles: int, seed: int) -> Counter[str]:
    """Let one folder live through many deaths at random operations."""
    rng = np.random.default_rng(seed)
    counts: Counter[str] = Counter()
    with _emptied(home) as folder:
        found = 0
        for cycle in range(cycles):
            steps = range(found + 1, found + 8)
            power = int(rng.integers(2**31)) if rng.random() < 0.5 else None
            dead, acknowledged = died(folder, steps, int(rng.integers(OPERATIONS)), power)
            found = held(folder)
            assert acknowledged <= found <= acknowledged + 1, (cycle, acknowledged, found)
            counts["deaths in a row"] += dead
            counts["commits"] = found
    return counts


def at_every_error(home: Path, steps: int, stride: int = 1) -> Counter[str]:
    """Let each operation fail, once or until the disk is healed; go on with the same writer."""
    counts: Counter[str] = Counter()
    cases = [(error, lasting) for error in ERRORS for lasting in (False, True)]
    for at in count(0, stride):
        for error, lasting in cases:
            with _emptied(home / f"{at}-{error}-{lasting}") as folder:
                files = FaultyFiles(at, error, lasting=lasting)
                raised = errors_survived(folder, steps, files)
                if files.failed is None:
                    return counts
                counts["failed operations"] += 1
                counts["of these raised"] += raised > 0
    return counts


def errors_survived(folder: Path, steps: int, files: FaultyFiles) -> int:
    """Live; after each error see what is held, and try the same again; return the errors."""
    raised, acknowledged = 0, 0

    def attempt(action: Callable[[], Any]) -> Any:
        nonlocal raised
        try:
            return action()
        except OSError as error:
            assert error.errno == files.error, error
            assert acknowledged <= held(folder) <= acknowledged + 1
            raised += 1
            files.heal()
            return action()

    def say(g: int) -> None:
        nonlocal acknowledged
        acknowledged = g
        assert held(folder) == g

    live(folder, range(1, steps + 1), files, say, attempt)
    assert held(folder) == steps
    return raised
