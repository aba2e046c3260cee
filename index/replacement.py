"""One segment in the place of several, while the index goes on changing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rarefy.index.merging import merged
from rarefy.index.opened import OpenSegment, open_segment
from rarefy.index.part import Part
from rarefy.index.storage.files import Files
from rarefy.index.storage.manifest import fresh_name
from rarefy.index.storage.segment import read_segment, write_segment

__all__ = ["Replacement"]


class Replacement:
    """A segment that is made of the living documents of neighbours, to take their place.

    Documents may be deleted while it is made. It has one row for each that was alive when it was
    begun, in their order, so that the rows that are alive in it later follow from those that are
    alive in the neighbours.

    Parameters
    ----------
    replaced
        Neighbours as they are committed.
    vocabulary_size
        How many columns vectors have.
    """

    def __init__(self, replaced: Sequence[OpenSegment], vocabulary_size: int) -> None:
        self._replaced = tuple(replaced)
        self._vocabulary_size = vocabulary_size
        self._name = fresh_name("segment")
        self._made: OpenSegment | None = None

    @property
    def files(self) -> set[str]:
        """Names of the files that it needs while it is made, and of the one that it becomes."""
        return {self._name, *self.replaced}

    @property
    def replaced(self) -> set[str]:
        """Names of the segments that it replaces."""
        return {each.name for each in self._replaced}

    def make(self, files: Files, folder: Path) -> None:
        """Write the segment, which no manifest names yet. It takes long, and needs no lock.

        Raises
        ------
        OSError
            If the disk is full or broken.
        DamagedIndexError
            If a segment is not what was written: damage must not be copied under a new checksum.
        """
        parts = []
        for each in self._replaced:
            segment = read_segment(folder, each.entry, self._vocabulary_size, verify=True)
            parts.append(Part(segment, each.alive))
        whole = Part(merged(parts, self._vocabulary_size))
        whole.calibrate(None)
        stored = whole.segment._replace(table=whole.table)
        entry = write_segment(files, folder, stored, self._name)
        self._made = open_segment(folder, entry, self._vocabulary_size)

    def among(self, segments: Sequence[OpenSegment]) -> OpenSegment:
        """Return the segment that was made, with what is deleted in some state of the index."""
        if self._made is None:
            raise RuntimeError("the segment is not made yet")
        alive = self._alive(segments)
        return self._made._replace(alive=alive, changed=not alive.all())

    def _alive(self, segments: Sequence[OpenSegment]) -> npt.NDArray[np.bool_]:
        """Return which of its rows are alive; a segment that is gone has none."""
        now = {each.name: each.alive for each in segments}
        pieces = [
            now[each.name][each.alive] if each.name in now else np.zeros(each.alive.sum(), np.bool_)
            for each in self._replaced
        ]
        return np.concatenate(pieces)

    def put(self, segments: Sequence[OpenSegment], made: OpenSegment) -> list[OpenSegment]:
        """Return a state of the index with the segment where its neighbours were.

        It is left out if nothing in it is alive.
        """
        places = [i for i, each in enumerate(segments) if each.name in self.replaced]
        if not places:
            return list(segments)
        first, last = places[0], places[-1]
        return [*segments[:first], *([made] if made.alive.any() else []), *segments[last + 1 :]]
