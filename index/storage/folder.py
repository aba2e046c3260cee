"""An index folder as a whole."""

from __future__ import annotations

from pathlib import Path

from rarefy.errors import InputError
from rarefy.index.storage.files import Files
from rarefy.index.storage.lock import FolderLock
from rarefy.index.storage.manifest import Manifest, check_target, generations, publish, sweep
from rarefy.index.storage.segment import Segment, write_segment

__all__ = ["replace"]


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
        sweep(files, folder, [manifest])
