"""One writer at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from rarefy.errors import InputError

__all__ = ["LOCK", "FolderLock"]

LOCK = "write.lock"


class FolderLock:
    """A lock on an index folder, held until `release`, or until its process ends in any way.

    It is the system's lock on an open file, so that a file that a dead process left behind locks
    nothing. Network file systems may not have it. Processes that are forked have the file open too,
    but the lock is not theirs: it ends with `release`, whether they run on or not.

    Raises
    ------
    InputError
        If another writer holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._process = os.getpid()
        self._file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise InputError(
                f"{folder} is being written by another writer: wait until it is closed"
            ) from None

    @property
    def ours(self) -> bool:
        """Whether this process holds it, and not the one that this was forked from."""
        return self._process == os.getpid()

    def release(self) -> None:
        """Let others write."""
        if self.ours:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        os.close(self._file)

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
