"""Which rows of a segment are deleted: written anew with each commit that deletes some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from rarefy.index.storage.container import Container, FileEntry, write_container
from rarefy.index.storage.files import Files
from rarefy.index.storage.manifest import SegmentEntry, fresh_name

__all__ = ["read_alive", "write_alive"]


def write_alive(files: Files, folder: Path, alive: npt.NDArray[np.bool_]) -> FileEntry:
    """Write which rows are alive, bool[n]."""
    sections = {"deleted": np.packbits(~alive, bitorder="little")}
    return write_container(
        files, folder / fresh_name("deletions"), sections, {"documents": len(alive)}
    )


def read_alive(folder: Path, entry: SegmentEntry) -> npt.NDArray[np.bool_] | None:
    """Return which rows of a segment are alive, bool[n], or None for all.

    Raises
    ------
    DamagedIndexError
        If a byte differs from what was written, or the sizes are not those of the manifest.
    """
    if entry.deletions is None:
        return None
    container = Container(folder / entry.deletions.name, entry.deletions)
    container.verify()
    packed = container.sections.get("deleted")
    if packed is None or packed.dtype != np.uint8 or packed.shape != (-(-entry.documents // 8),):
        raise container.damaged(f"it holds no bitmap of {entry.documents} documents")
    deleted = np.unpackbits(packed, bitorder="little")
    alive = deleted[: entry.documents] == 0
    if entry.deleted != deleted.sum() or entry.documents - entry.deleted != alive.sum():
        raise container.damaged(f"{deleted.sum()} rows are deleted, expected {entry.deleted}")
    return alive
