"""An index folder as a whole."""

from __future__ import annotations

import errno
from pathlib import Path

from rarefy.errors import InputError
from rarefy.index.storage.files import Files
from rarefy.index.storage.lock import FolderLock
from rarefy.index.storage.manifest import (
    MANIFEST,
    Manifest,
    check_target,
    generations,
    publish,
    sweep,
)
from rarefy.index.storage.segment import Segment, write_segment

__all__ = ["link", "replace"]


def link(folder: Path, manifest: Manifest, copy: Path, files: Files | None = None) -> None:
    """Make a second folder of a commit, by second names of its files: no array is copied.

    Files never change, so that neither folder has an effect on the other.

    Parameters
    ----------
    folder, manifest
        The commit.
    copy
        A new folder, or an empty one, on the same file system.
    files
        What writes; the file system by default.

    Raises
    ------
    InputError
        If the copy exists and is not empty, or is on another file system, or the commit's files are
        gone as there are newer ones.
    """
    files = files or Files()
    check_target(copy)
    if copy.exists() and any(MANIFEST.fullmatch(entry.name) for entry in copy.iterdir()):
        raise InputError(f"{copy} holds an index: name a new folder")
    files.ensure_folder(copy)
    with FolderLock(copy):
        sweep(files, copy, [], at_once=True)
        for name in sorted(manifest.files):
            try:
                files.link(folder / name, copy / name)
            except FileNotFoundError:
                raise InputError(
                    f"{folder / name} is gone, as there are newer commits: refresh the index first"
                ) from None
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                raise InputError(
                    f"{copy} is on another file system than {folder}: use Index.save, or copy the "
                    f"folder"
                ) from error
        publish(files, copy, manifest)


def replace(folder: Path, segment: Segment, files: Files | None = None) -> None:
    """Make a segment all that an index folder holds, in one step.

    The folder is made if it is missing. What is written there by others stays.

    Parameters
    ----------
    folder, segment
        What is written, and where.
    files
        What writes; the file system by default.

    Raises
    ------
    InputError
        If the path is a file, or a folder of other things, or an index that is being written.
    """
    files = files or Files()
    check_target(folder)
    files.ensure_folder(folder)
    with FolderLock(folder):
        try:
            generation = generations(folder)[0] + 1
        except InputError:
            generation = 1
        entry = write_segment(files, folder, segment)
        manifest = Manifest(generation, segment.vocabulary_size, (entry,))
        publish(files, folder, manifest)
        sweep(files, folder, [manifest], at_once=True)
