"""The only way by which bytes of an index reach the disk.

Whatever changes a folder goes through `Files`, one method an operation of the file system, so that
tests can put one in its place that fails, is killed, or forgets what was not synced.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["Files"]

GATHERED = 1 << 20
"""Bytes that are written at once, about: an operation takes long if other threads compute."""
SYNCED = 16 << 20
"""Bytes that wait to be synced, about, at most: other files' syncs wait for them too."""


class Files:
    """Operations of the file system that change it.

    A file's bytes survive a loss of power once `sync` has returned, and its name once
    `sync_folder` of its folder has.
    """

    def make_folder(self, folder: Path) -> None:
        """Make a folder in one that is there."""
        os.mkdir(folder)

    def create(self, path: Path) -> int:
        """Create a file that is not there yet, and return its descriptor."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

    def write(self, file: int, data: bytes | memoryview) -> None:
        """Append all of the data."""
        rest = memoryview(data)
        while len(rest):
            rest = rest[os.write(file, rest) :]

    def sync(self, file: int) -> None:
        """Wait until the disk holds what was written."""
        os.fsync(file)

    def close(self, file: int) -> None:
        """Close a file."""
        os.close(file)

    def rename(self, old: Path, new: Path) -> None:
        """Rename a file, in one step, over one that may be there."""
        os.replace(old, new)

    def link(self, old: Path, new: Path) -> None:
        """Give a file a second name."""
        os.link(old, new)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        os.unlink(path)

    def touch(self, path: Path) -> None:
        """Let a file have been written now."""
        os.utime(path)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the disk holds the names in a folder."""
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    @contextmanager
    def writing(self, path: Path) -> Iterator[Callable[[bytes | memoryview], None]]:
        """Create a file that is synced when the block ends, and removed when it fails.

        Yields
        ------
        Callable
            Appends bytes, which must not change before the block ends.
        """
        file = self.create(path)
        gathered: list[bytes | memoryview] = []
        waiting = 0

        def flush() -> None:
            nonlocal waiting
            data = gathered[0] if len(gathered) == 1 else b"".join(gathered)
            self.write(file, data)
            gathered.clear()
            waiting += len(data)
            if waiting >= SYNCED:
                self.sync(file)
                waiting = 0

        def append(data: bytes | memoryview) -> None:
            gathered.append(data)
            if sum(map(len, gathered)) >= GATHERED:
                flush()

        try:
            try:
                yield append
                if gathered:
                    flush()
                self.sync(file)
            finally:
                self.close(file)
        except BaseException:
            with suppress(OSError):
                self.unlink(path)
            raise

    def ensure_folder(self, folder: Path) -> None:
        """Make a folder, and those above it, unless it is there; its name is synced in any case.

        Whoever made it may have ended before that.
        """
        missing = [above for above in [folder, *folder.parents] if not above.exists()]
        for above in reversed(missing):
            self.make_folder(above)
            self.sync_folder(above.parent)
        if not missing:
            with suppress(PermissionError):
                self.sync_folder(folder.absolute().parent)
