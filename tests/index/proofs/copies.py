"""A folder is copied, file by file, while a writer commits: each copy holds one of the commits."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from itertools import count, takewhile
from pathlib import Path

from proofs.children import Child
from proofs.crashes import held, live

__all__ = ["while_written"]


def while_written(home: Path, copies: int, pause: float) -> Counter[str]:
    """Copy a folder time after time, slowly, and see which commit each copy holds.

    Parameters
    ----------
    home
        A folder.
    copies
        How many.
    pause
        Seconds that pass before each file is read.
    """
    folder, stop = home / "index", home / "stop"
    live(folder, [1])
    steps = takewhile(lambda _: not stop.exists(), count(2))
    writer = Child(lambda say: live(folder, steps, say=say))
    counts: Counter[str] = Counter()
    last = 1

    def copied(source: str, target: str) -> str:
        time.sleep(pause)
        return shutil.copy2(source, target)

    try:
        for number in range(copies):
            copy = home / f"copy-{number}"
            try:
                shutil.copytree(folder, copy, copy_function=copied)
            except shutil.Error as error:
                # What was to go when it was listed may go; nothing else may be wrong.
                assert all("No such file" in why for _, _, why in error.args[0]), error
                counts["of these with files that vanished"] += 1
            found = held(copy)
            assert found >= last, (last, found)
            counts["copies"] += 1
            counts["commits between them"] += found - last
            last = found
            shutil.rmtree(copy)
    finally:
        stop.touch()
        status, _ = writer.end()
    assert status == 0, status
    return counts
