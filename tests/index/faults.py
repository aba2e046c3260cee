"""File systems that fail: at one operation, by a kill, by a loss of power, or with an error."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from rarefy.index.storage.files import Files

ERRORS = (errno.ENOSPC, errno.EIO)
FREEING = ("close", "unlink")
"""What a full disk allows."""


class Killed(BaseException):
    """The process is no more; nothing that it tries afterwards has an effect."""


class FaultyFiles(Files):
    """Counts operations, and fails at one of them.

    Parameters
    ----------
    at
        The number of the operation that fails, from 0; None for none.
    error
        An errno: the operation fails, and those after it work. None: the process is killed before
        the operation, but half of what it writes may be written.
    lasting
        With an error: all operations after it fail too, but those that free something, until
        `heal`.
    death
        What happens when the process is killed; by default `Killed` is raised.
    """

    def __init__(
        self,
        at: int | None = None,
        error: int | None = None,
        *,
        lasting: bool = False,
        death: Callable[[FaultyFiles], None] | None = None,
    ) -> None:
        self.at = at
        self.error = error
        self.lasting = lasting
        self.death = death
        self.count = 0
        self.failed: str | None = None
        self.journal: list[tuple] = []
        self.dead = False
        self._lock = threading.RLock()
        self._healed = False
        self._open: dict[int, list] = {}
        self._unsynced: dict[Path, int] = {}

    def heal(self) -> None:
        """Let all operations work from now on."""
        self._healed = True

    @contextmanager
    def _operation(self, what: str, half: Callable[[], object] = lambda: None) -> Iterator[None]:
        """Do an operation, or fail, after half of it."""
        with self._lock:
            if self.dead:
                raise Killed(what)
            self.count += 1
            if self.count - 1 == self.at:
                self.failed = what
                half()
                if self.error is None:
                    if self.death is not None:
                        self.death(self)
                    self.dead = True
                    raise Killed(what)
            elif not self._spoilt(what):
                yield
                return
            raise OSError(self.error, os.strerror(self.error), what)

    def _spoilt(self, what: str) -> bool:
        on = self.lasting and not self._healed and self.failed is not None
        return on and what not in FREEING

    def make_folder(self, folder):
        with self._operation("make_folder"):
            super().make_folder(folder)

    def create(self, path):
        with self._operation("create"):
            file = super().create(path)
            self._open[file] = [path, 0]
            self._unsynced[path] = 0
            self.journal.append((path.parent, "create", path))
            return file

    def write(self, file, data):
        half = memoryview(data)[: len(data) // 2]
        with self._operation("write", lambda: os.write(file, half)):
            super().write(file, data)

    def sync(self, file):
        with self._operation("sync"):
            path, _ = self._open[file]
            self._unsynced.pop(path, None)

    def close(self, file):
        if self.dead:
            os.close(file)
            raise Killed("close")
        with self._operation("close"):
            self._open.pop(file)
            super().close(file)

    def rename(self, old, new):
        with self._operation("rename"):
            before = new.read_bytes() if new.exists() else None
            super().rename(old, new)
            if old in self._unsynced:
                self._unsynced[new] = self._unsynced.pop(old)
            self.journal.append((new.parent, "rename", old, new, before))

    def link(self, old, new):
        with self._operation("link"):
            super().link(old, new)
            self.journal.append((new.parent, "create", new))

    def unlink(self, path):
        with self._operation("unlink"):
            content = path.read_bytes()
            super().unlink(path)
            self.journal.append((path.parent, "unlink", path, content))

    def sync_folder(self, folder):
        with self._operation("sync_folder"):
            self.journal = [entry for entry in self.journal if entry[0] != folder]

    def lose_power(self, rng: np.random.Generator) -> None:
        """Undo some of what was not synced, and cut or garble files' bytes that were not."""
        for path in self._unsynced:
            if path.exists():
                content = path.read_bytes()
                kept = content[: rng.integers(len(content) + 1)]
                if rng.random() < 0.5:
                    kept += bytes(len(content) - len(kept))
                path.write_bytes(kept)
        for _, what, *names in reversed(self.journal):
            if rng.random() < 0.5:
                continue
            if what == "create" and names[0].exists():
                names[0].unlink()
            elif what == "rename" and names[1].exists():
                names[1].rename(names[0])
                if names[2] is not None:
                    names[1].write_bytes(names[2])
            elif what == "unlink":
                names[0].write_bytes(names[1])
