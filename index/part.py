"""One segment as search sees it: its arrays, its settings, and which of its rows are alive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rarefy.index.metadata import Metadata
from rarefy.index.planner import LEAST_DOCUMENTS, Calibration, calibrate, plans, sample_queries
from rarefy.index.searcher import Searcher
from rarefy.index.storage.segment import Segment
from rarefy.index.vectors import Vectors

__all__ = ["Part"]

MOST_PLANS = 1000
"""Plans that are kept so as not to look them up again."""


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
        A part of the same segment, which shares what it has made of it.
    """

    def __init__(
        self,
        segment: Segment,
        alive: npt.NDArray[np.bool_] | None = None,
        other: Part | None = None,
    ) -> None:
        self.segment = segment
        self.alive = alive
        if other is None:
            self._searcher = Searcher(segment.layout, segment.block_size)
            self.metadata = _metadata(segment)
        else:
            self._searcher, self.metadata = other._searcher, other.metadata
        self._rows = None if alive is None else np.append(np.flatnonzero(alive), -1)
        self._places = None if alive is None else np.cumsum(alive) - 1
        self._fit(segment.table)

    def __len__(self) -> int:
        return len(self.segment.ids) if self._rows is None else len(self._rows) - 1

    def with_alive(self, alive: npt.NDArray[np.bool_] | None) -> Part:
        """Return a part of the same segment with other deletions."""
        return Part(self.segment, alive, self)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The row of each place, int64[len(part)]."""
        return np.arange(len(self)) if self._rows is None else self._rows[:-1]

    @property
    def names(self) -> list[str]:
        """The id at each place."""
        names = self.segment.ids.names()
        return names if self._rows is None else [names[row] for row in self.rows.tolist()]

    def ids_at(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
        """Return the id at each place, None where the place is -1."""
        if self._rows is not None:
            places = self._rows[places]
        return self.segment.ids.take(places)

    def places_of(self, names: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the place of each id, -1 where no living row has it."""
        rows = self.segment.ids.rows_of(names)
        return rows if self.alive is None else self._placed(np.where(self.alive[rows], rows, -1))

    def search(
        self,
        queries: Vectors,
        k: int,
        recall: float | None,
        allowed: npt.NDArray[np.bool_] | None,
        threads: int,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return the best places int64[m, k] and their scores float32[m, k], padded -1 and -inf.

        Parameters
        ----------
        queries, k, recall, threads
            As `Index.search` has them.
        allowed
            bool[len(part)], by place; None for all.
        """
        if allowed is None:
            chosen, kept = self._plans_for(k, recall), self.alive
        else:
            kept = allowed
            if self._rows is not None:
                kept = np.zeros(len(self.segment.ids), np.bool_)
                kept[self.rows] = allowed
            n, n_kept = len(self.segment.ids), int(np.count_nonzero(allowed))
            chosen = plans(self.table, k, recall, n, n_kept)
        rows, scores = self._searcher.search(queries, k, chosen, kept, threads)
        return self._placed(rows), scores

    def _placed(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the places of rows, of which those that are not -1 are alive."""
        return rows if self._places is None else np.where(rows < 0, -1, self._places[rows])

    @property
    def table(self) -> Sequence[Calibration]:
        """The settings that reach a recall."""
        return self._fitted[0]

    def calibrate(self, queries: Vectors | None) -> None:
        """Fit the settings to queries, by default to some made of documents."""
        layout, block_size = self.segment.layout, self.segment.block_size
        if layout.compact:
            self._fit([])
        elif queries is not None:
            self._fit(calibrate(layout, block_size, queries))
        elif len(self.segment.ids) >= LEAST_DOCUMENTS:
            width = self.segment.vocabulary_size
            sampled, rows = sample_queries(layout, width, np.random.default_rng(0))
            self._fit(calibrate(layout, block_size, sampled, rows))

    def _fit(self, table: Sequence[Calibration]) -> None:
        """Replace the table, and the plans that were looked up in the one before."""
        known: dict[tuple[int, float | None], npt.NDArray[np.float64]] = {}
        self._fitted = list(table), known

    def _plans_for(self, k: int, recall: float | None) -> npt.NDArray[np.float64]:
        """Return the settings without a filter, which are looked up once."""
        table, known = self._fitted
        chosen = known.get((k, recall))
        if chosen is None:
            chosen = plans(table, k, recall, len(self.segment.ids), len(self))
            if len(known) < MOST_PLANS:
                known[k, recall] = chosen
        return chosen


def _metadata(segment: Segment) -> Metadata:
    """Return what is known of the rows, deleted ones too; it is read when it is first used."""
    if segment.metadata is None:
        return Metadata(dict)
    return Metadata.from_bytes(segment.metadata, len(segment.ids))
