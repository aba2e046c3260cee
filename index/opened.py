"""A segment on disk as a writer sees it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rarefy.index.part import Part
from rarefy.index.storage.deletions import read_alive
from rarefy.index.storage.manifest import SegmentEntry
from rarefy.index.storage.segment import Segment, read_segment

__all__ = ["OpenSegment", "open_segment"]


class OpenSegment(NamedTuple):
    """A segment on disk, and which of its rows are alive once all changes are committed.

    Attributes
    ----------
    entry : SegmentEntry
        What the manifest says of it.
    segment : Segment
    fields : dict
        The fields of its metadata and their types.
    alive : bool[rows]
    changed : bool
        Whether fewer are alive than the entry says.
    """

    entry: SegmentEntry
    segment: Segment
    fields: dict[str, str]
    alive: npt.NDArray[np.bool_]
    changed: bool = False

    @property
    def name(self) -> str:
        """The segment's file, which no other segment ever has."""
        return self.entry.file.name


def open_segment(folder: Path, entry: SegmentEntry, vocabulary_size: int) -> OpenSegment:
    """Open a segment that a manifest names, or is going to.

    Raises
    ------
    DamagedIndexError
        If sizes or the rows that are deleted are not what was written; other bytes are not read.
    """
    segment = read_segment(folder, entry, vocabulary_size, verify=False)
    alive = read_alive(folder, entry)
    alive = np.ones(entry.documents, np.bool_) if alive is None else alive
    return OpenSegment(entry, segment, Part(segment).metadata.types, alive)
