"""A folder of one process on its machine's disk, which goes when the process does."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import tempfile
import time
import weakref
from contextlib import suppress
from pathlib import Path

from rarefy.errors import InputError
from rarefy.index.storage.lock import FolderLock

__all__ = ["Workspace"]

YOUNG = 60.0
"""Seconds for which a folder that nobody has locked may be one that is about to be."""


class Workspace:
    """A new folder, removed when this object is, or by the next process after a kill.

    Parameters
    ----------
    parent
        Where it is made; by default a folder of the user's in the system's temporary folder.
        Where it is on the file system of the storage, files are linked and not copied.

    Raises
    ------
    InputError
        If others can write in the folder in the system's temporary folder.
    """

    def __init__(self, parent: str | Path | None = None) -> None:
        home = Path(parent or Path(tempfile.gettempdir(), f"rarefy-{os.getuid()}"))
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not parent:
            _check_own(home)
        _clear(home)
        self.path = home / f"work-{secrets.token_hex(8)}"
        self.path.mkdir()
        self._lock = FolderLock(self.path)
        self.close = weakref.finalize(self, _remove, self.path, self._lock)

    def folder(self, name: str) -> Path:
        """Return a folder in it, made if it is missing."""
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder


def _check_own(home: Path) -> None:
    """Refuse a folder that somebody else has made where everybody can."""
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise InputError(
            f"{home} is not a folder in which this user alone can write: remove it, or name "
            f"another one with scratch=..."
        )


def _clear(home: Path) -> None:
    """Remove the folders of processes that have ended."""
    for folder in home.glob("work-*"):
        with suppress(OSError, InputError):
            if time.time() - folder.stat().st_mtime > YOUNG:
                _remove(folder, FolderLock(folder))


def _remove(folder: Path, lock: FolderLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        lock.release()
