"""Files that are never seen half written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from rarefy.errors import InputError

__all__ = ["output_file", "output_folder", "replaced"]


def output_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder `path`, made if it is missing.

    Raises
    ------
    InputError
        If something other than a folder is there, or it cannot be made or written to.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(
            f"cannot write into {folder}: a file stands in its place; name a folder"
        ) from None
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise InputError(f"cannot write into {folder}: permission denied")
    return folder


def output_file(path: str | os.PathLike[str]) -> Path:
    """Return the path of a file that can be written, in a folder that is made if it is missing.

    Raises
    ------
    InputError
        If a folder is there, or the file or its folder cannot be written to.
    """
    file = Path(path)
    output_folder(file.parent)
    if file.is_dir():
        raise InputError(f"cannot write the file {file}: a folder stands in its place")
    if file.exists() and not os.access(file, os.W_OK):
        raise InputError(f"cannot write the file {file}: permission denied")
    return file


@contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` when the block ends without an error.

    A reader finds the old content or the new, whatever happens in between.

    Yields
    ------
    BinaryIO
        Where the new content goes.
    """
    path = Path(path)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
