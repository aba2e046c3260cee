"""One segment as search sees it: its arrays, its settings, and which of its rows are alive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.index.leaves import Leaf
from rarefy.index.metadata import Metadata
from rarefy.index.planner import LEAST_DOCUMENTS, Calibration, calibrate, sample_queries
from rarefy.index.storage.segment import Segment
from rarefy.index.vectors import Vectors

__all__ = ["Part"]


class Part:
    """A segment of which some rows may be deleted.

    A document's place is the number of living rows before it: places run from 0 to ``len(part)``.

    Parameters
    ----------
    segment
        What is searched.
    alive
        bool[rows]; None if all are.
    other
        A part of the same segment, which shares what it has read of it and its settings.
    """

    def __init__(
        self,
        segment: Segment,
        alive: npt.NDArray[np.bool_] | None = None,
        other: Part | None = None,
    ) -> None:
        self.segment = segment
        self.alive = alive
        self.leaf: Leaf = (
            Leaf.of(segment.layout, segment.block_size) if other is None else other.leaf
        )
        self.metadata: Metadata = _metadata(segment) if other is None else other.metadata
        self._rows = None if alive is None else np.flatnonzero(alive)
        self._places = None if alive is None else np.cumsum(alive) - 1
        self.table: list[Calibration] = list(segment.table) if other is None else other.table
        """The settings that reach a recall."""
        self.derived: dict[int, Any] = {} if other is None else other.derived
        """What others have made of the segment, to be made once."""

    def __len__(self) -> int:
        return len(self.segment.ids) if self._rows is None else len(self._rows)

    def with_alive(self, alive: npt.NDArray[np.bool_] | None) -> Part:
        """Return a part of the same segment with other deletions."""
        return Part(self.segment, alive, self)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The row of each place, int64[len(part)]."""
        return np.arange(len(self)) if self._rows is None else self._rows

    @property
    def names(self) -> list[str]:
        """The id at each place."""
        names = self.segment.ids.names()
        return names if self._rows is None else [names[row] for row in self.rows.tolist()]

    def places_of(self, names: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the place of each id, -1 where no living row has it."""
        rows = self.segment.ids.rows_of(names)
        return rows if self.alive is None else self._placed(np.where(self.alive[rows], rows, -1))

    def _placed(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the places of rows, of which those that are not -1 are alive."""
        return rows if self._places is None else np.where(rows < 0, -1, self._places[rows])

    def calibrate(self, queries: Vectors | None) -> None:
        """Fit the settings to queries, by default to some made of documents."""
        layout, block_size = self.segment.layout, self.segment.block_size
        if layout.compact:
            self.table = []
        elif queries is not None:
            self.table = calibrate(layout, block_size, queries)
        elif len(self.segment.ids) >= LEAST_DOCUMENTS:
            width = self.segment.vocabulary_size
            sampled, rows = sample_queries(layout, width, np.random.default_rng(0))
            self.table = calibrate(layout, block_size, sampled, rows)


def _metadata(segment: Segment) -> Metadata:
    """Return what is known of the rows, deleted ones too; it is read when it is first used."""
    if segment.metadata is None:
        return Metadata(dict)
    return Metadata.from_bytes(segment.metadata, len(segment.ids))
