"""Where commits and files of shards are kept, for every node to read: a folder or a URL.

Files have names that are never used again and do not change, so that a node may keep copies of
them, and what is written twice is the same. A file is there as a whole or not at all.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rarefy.errors import InputError, require
from rarefy.index.storage.files import Files

__all__ = ["PARTIAL", "Storage", "storage_at"]


class Storage(Protocol):
    """What keeps files by name; names have parts with ``/`` between them.

    What is missing raises FileNotFoundError, what fails otherwise an OSError.
    """

    def names(self, folder: str = "") -> list[str]:
        """Return the names in a folder, those that are being written too; none if missing."""

    def read(self, name: str) -> bytes:
        """Return what a small file holds."""

    def write(self, name: str, data: bytes) -> None:
        """Make a small file, in one step, in the place of one that may be there."""

    def fetch(self, name: str, path: Path) -> None:
        """Make a file of this machine's that has the same bytes, unless it is there."""

    def store(self, path: Path, name: str) -> None:
        """Keep a synced file of this machine's, unless it is there."""

    def remove(self, name: str) -> None:
        """Remove a file; one that is missing is none."""


PARTIAL = ".partial"
"""How the names of files end that are being written."""


@dataclass(frozen=True)
class FolderStorage:
    """A folder that all nodes see under the same path.

    On the same file system files get second names instead of copies.

    Parameters
    ----------
    root
        An absolute path.
    """

    root: str

    def __str__(self) -> str:
        return self.root

    def names(self, folder: str = "") -> list[str]:
        """Return the names in a folder."""
        try:
            return os.listdir(self._path(folder))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read(self, name: str) -> bytes:
        """Return what a small file holds."""
        return self._path(name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Make a small file; it survives a loss of power once this has returned."""
        files, path = Files(), self._path(name)
        files.ensure_folder(path.parent)
        partial = path.with_name(secrets.token_hex(8) + PARTIAL)
        with files.writing(partial) as append:
            append(data)
        files.rename(partial, path)
        files.sync_folder(path.parent)

    def fetch(self, name: str, path: Path) -> None:
        """Link or copy a file to this machine's disk."""
        if not path.exists():
            _linked(self._path(name), path)

    def store(self, path: Path, name: str) -> None:
        """Link or copy a file; it survives a loss of power once this has returned."""
        target = self._path(name)
        Files().ensure_folder(target.parent)
        if not target.exists():
            _linked(path, target)
        Files().sync_folder(target.parent)

    def remove(self, name: str) -> None:
        """Remove a file, and its folder if that is empty then."""
        path = self._path(name)
        path.unlink(missing_ok=True)
        if (
            path.parent != Path(self.root)
            and path.parent.exists()
            and not any(path.parent.iterdir())
        ):
            path.parent.rmdir()

    def _path(self, name: str) -> Path:
        return Path(self.root, name)


@dataclass(frozen=True)
class RemoteStorage:
    """What fsspec reads and writes, such as an object store.

    Parameters
    ----------
    root
        A URL that fsspec knows.
    """

    root: str

    def __str__(self) -> str:
        return self.root

    def names(self, folder: str = "") -> list[str]:
        """Return the names in a folder."""
        files, path = self._at(folder)
        try:
            found = files.ls(path, detail=False, refresh=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [each.rstrip("/").rpartition("/")[2] for each in found]

    def read(self, name: str) -> bytes:
        """Return what a small file holds."""
        files, path = self._at(name)
        return bytes(files.cat_file(path))

    def write(self, name: str, data: bytes) -> None:
        """Make a small file, as durable as the store says."""
        files, path = self._at(name)
        files.makedirs(path.rpartition("/")[0], exist_ok=True)
        partial = f"{path}.{secrets.token_hex(8)}{PARTIAL}"
        files.pipe_file(partial, data)
        files.mv(partial, path)

    def fetch(self, name: str, path: Path) -> None:
        """Copy a file to this machine's disk."""
        if not path.exists():
            files, source = self._at(name)
            partial = path.with_name(path.name + PARTIAL)
            files.get_file(source, str(partial))
            os.replace(partial, path)

    def store(self, path: Path, name: str) -> None:
        """Copy a file to the store."""
        files, target = self._at(name)
        if files.exists(target):
            return
        files.makedirs(target.rpartition("/")[0], exist_ok=True)
        partial = f"{target}.{secrets.token_hex(8)}{PARTIAL}"
        files.put_file(str(path), partial)
        files.mv(partial, target)

    def remove(self, name: str) -> None:
        """Remove a file."""
        files, path = self._at(name)
        if files.exists(path):
            files.rm_file(path)

    def _at(self, name: str) -> tuple[Any, str]:
        """Return the file system, and the path in it."""
        files, root = require("fsspec", "ray").core.url_to_fs(self.root)
        return files, f"{root.rstrip('/')}/{name}".rstrip("/")


def storage_at(place: Any) -> Storage:
    """Return the storage at a path or URL.

    Parameters
    ----------
    place
        A folder that all nodes see, made when it is first written to; a URL that fsspec knows, such
        as ``s3://bucket/name``; or a storage.

    Raises
    ------
    InputError
        If a file is there.
    MissingExtraError
        If it is a URL and fsspec is not installed.
    """
    if isinstance(place, FolderStorage | RemoteStorage):
        return place
    if "://" in str(place):
        require("fsspec", "ray")
        return RemoteStorage(str(place))
    folder = Path(place).absolute()
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: name a folder that all nodes see, or a URL")
    return FolderStorage(str(folder))


def _linked(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the target is on another file system."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        partial = target.with_name(target.name + PARTIAL)
        try:
            with source.open("rb") as old, partial.open("wb") as new:
                shutil.copyfileobj(old, new, 1 << 20)
                new.flush()
                os.fsync(new.fileno())
            os.replace(partial, target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
