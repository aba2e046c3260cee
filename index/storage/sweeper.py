"""When what commits have replaced is removed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from rarefy.index.storage.files import Files
from rarefy.index.storage.manifest import Manifest, copying_time, sweep

__all__ = ["Sweeper"]

SWEEPS = 20
"""In the time that a copy of the folder may take, at most."""


class Sweeper:
    """Sweeps a folder after commits, but not after each where they are many.

    Files stay for as long as a copy may take, so that a folder of many small commits holds
    thousands; to look at them all each time would be most of what a commit takes.

    Parameters
    ----------
    files, folder
        What removes, and where.
    """

    def __init__(self, files: Files, folder: Path) -> None:
        self._files = files
        self._folder = folder
        self._next = 0.0

    def sweep(self, kept: Sequence[Manifest], spared: Iterable[str] = ()) -> None:
        """Remove what `manifest.sweep` removes, or leave it for the next time."""
        now = time.monotonic()
        if now >= self._next:
            sweep(self._files, self._folder, kept, spared)
            self._next = now + copying_time(kept) / SWEEPS
