"""Several segments searched as one: what an index was at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import DamagedIndexError, InputError
from rarefy.index.expressions import Expression
from rarefy.index.filters import NO_FILTER, Filter, allowed_rows
from rarefy.index.hits import Hits
from rarefy.index.metadata import Metadata
from rarefy.index.part import Part
from rarefy.index.planner import plans
from rarefy.index.searcher import Plans, Searcher, is_exact
from rarefy.index.selection import selected
from rarefy.index.storage.deletions import read_alive
from rarefy.index.storage.ids import NONE
from rarefy.index.storage.manifest import Manifest, generations, read_newest
from rarefy.index.storage.segment import read_segment
from rarefy.index.vectors import Vectors

__all__ = ["Snapshot"]

MOST_PLANS = 1000
"""Plans that are kept so as not to look them up again."""


class Snapshot:
    """Parts in the order of their documents; nothing changes in it.

    A document's row is the number of living documents before it, over all parts: the row that it
    would have if the living documents were indexed at once. A document's score is a function of its
    vector and of the query alone, so that results are those of that index too.

    Parameters
    ----------
    parts
        What is searched.
    vocabulary_size
        How many columns vectors have.
    manifest
        What was opened; None if the parts are in memory alone.
    known
        A snapshot whose scratch memory may be used again.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        vocabulary_size: int,
        manifest: Manifest | None = None,
        known: Snapshot | None = None,
    ) -> None:
        self.parts = tuple(parts)
        self.vocabulary_size = vocabulary_size
        self.manifest = manifest
        self.starts = np.cumsum([0, *map(len, self.parts)])
        self._searcher: Searcher = Searcher(
            (part.leaf for part in self.parts), None if known is None else known._searcher
        )
        self._alive = _alive(self.parts)
        self._plans: dict[tuple[int, float | None], Plans] = {}

    @classmethod
    def open(cls, folder: Path, *, verify: bool, known: Snapshot | None = None) -> Snapshot:
        """Open the newest commit of a folder.

        Parameters
        ----------
        folder
            Where it is.
        verify
            Read all bytes once, but those of segments that are known.
        known
            An older snapshot of the same folder, whose open segments are used again.

        Raises
        ------
        InputError
            If the folder holds no index, or one of another format.
        DamagedIndexError
            If it is not what was written.
        """
        while True:
            manifest = read_newest(folder)
            if known is not None and known.manifest == manifest:
                return known
            try:
                return cls.of(folder, manifest, verify, known)
            except DamagedIndexError:
                if generations(folder)[0] == manifest.generation:
                    raise  # otherwise files may have gone since the manifest was read

    @classmethod
    def of(cls, folder: Path, manifest: Manifest, verify: bool, known: Snapshot | None) -> Snapshot:
        """Open a commit of a folder; parameters and errors are those of `open`."""
        parts = []
        opened = {}
        if known is not None and known.manifest is not None:
            opened = dict(zip(known.manifest.segments, known.parts, strict=True))
        by_file = {entry.file: part for entry, part in opened.items()}
        for entry in manifest.segments:
            part = opened.get(entry)
            if part is None and entry.file in by_file:
                part = by_file[entry.file].with_alive(read_alive(folder, entry))
            if part is None:
                segment = read_segment(folder, entry, manifest.vocabulary_size, verify=verify)
                part = Part(segment, read_alive(folder, entry))
            parts.append(part)
        return cls(parts, manifest.vocabulary_size, manifest, known)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def search(
        self,
        queries: Vectors,
        k: int,
        recall: float | None,
        allowed: npt.NDArray[np.bool_] | None,
        threads: int,
    ) -> Hits:
        """Return the best documents of m queries, k places each.

        Parameters
        ----------
        queries, k, recall, threads
            As `Index.search` has them.
        allowed
            bool[len(snapshot)], by row; None for all.
        """
        if allowed is None:
            chosen = self._plans_for(k, recall)
            kept = self._living_exactly if is_exact(chosen) else self._living
        else:
            chosen = self._searcher.planned(
                [
                    plans(part.table, k, recall, len(part.segment.ids), int(allowed[a:b].sum()))
                    for part, a, b in self._spans()
                ]
            )
            kept = self._searcher.filter(self._in_segments(allowed), is_exact(chosen))
        found, scores = self._searcher.search(queries, k, chosen, kept, threads)
        return Hits(self._ids_at(found), self._rows_at(found), scores)

    def calibrate(self, queries: Vectors | None) -> None:
        """Fit the settings of each part, see `Part.calibrate`."""
        for part in self.parts:
            part.calibrate(queries)
        self._plans = {}

    def _plans_for(self, k: int, recall: float | None) -> Plans:
        """Return the settings without a filter, which are looked up once."""
        known = self._plans
        chosen = known.get((k, recall))
        if chosen is None:
            chosen = self._searcher.planned(
                [
                    plans(part.table, k, recall, len(part.segment.ids), len(part))
                    for part in self.parts
                ]
            )
            if len(known) < MOST_PLANS:
                known[k, recall] = chosen
        return chosen

    @cached_property
    def _living(self) -> Filter:
        """What keeps deleted documents out of approximate searches."""
        return NO_FILTER if self._alive is None else self._searcher.filter(self._alive, False)

    @cached_property
    def _living_exactly(self) -> Filter:
        """What keeps deleted documents out of exact searches."""
        return NO_FILTER if self._alive is None else self._searcher.filter(self._alive, True)

    def _in_segments(self, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Turn a mask over rows into one over the rows of all segments, deleted ones too."""
        if self._alive is None:
            return allowed
        kept = np.zeros(len(self._alive), np.bool_)
        kept[self._alive] = allowed
        return kept

    def _rows_at(self, found: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the rows of living documents that are numbered with the deleted ones."""
        return found if self._alive is None else self._numbers[found]

    @cached_property
    def _numbers(self) -> npt.NDArray[np.int64]:
        """How many documents before each are alive; -1 for the row -1."""
        assert self._alive is not None
        return np.append(np.cumsum(self._alive) - 1, -1)

    def _ids_at(self, found: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
        """Return the ids of documents that are numbered with the deleted ones, None for -1."""
        if len(self.parts) == 1:
            return self.parts[0].segment.ids.take(found)
        ids: npt.NDArray[np.object_] = self._ids[found]
        first_rows = self._searcher.first_rows
        for i in np.flatnonzero((ids == NONE) & (found >= 0)).tolist():
            row = found.flat[i]
            at = np.searchsorted(first_rows, row, "right") - 1
            name = self.parts[at].segment.ids.name(int(row - first_rows[at]))
            self._ids[row] = ids.flat[i] = name
        return ids

    @cached_property
    def _ids(self) -> npt.NDArray[np.object_]:
        """The ids that were asked for, by row of all segments; None for others and the row -1."""
        return np.empty(int(self._searcher.first_rows[-1]) + 1, object)

    def rows_of(self, names: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the row of each id, -1 where there is none."""
        rows = np.full(len(names), -1, np.int64)
        for part, start, _ in self._spans():
            places = part.places_of(names)
            rows = np.where(places < 0, rows, places + start)
        return rows

    def row_of(self, name: str) -> int:
        """Return the row of an id.

        Raises
        ------
        InputError
            If there is no such id.
        """
        row = int(self.rows_of([name])[0])
        if row < 0:
            raise InputError(f"no document has the id {name!r}: the index holds {len(self)} others")
        return row

    def mask(self, filter: Any) -> npt.NDArray[np.bool_]:
        """Return the rows that a filter of `Index.search` keeps: bool[len(snapshot)]."""
        return allowed_rows(filter, len(self), self.row_of, self._selected)

    def _selected(self, expression: Expression) -> npt.NDArray[np.bool_]:
        if not self.fields:
            raise InputError(
                f"the filter {str(expression)[:80]!r} asks for metadata, and the index has none: "
                f"build it with metadata=..., or pass a mask or a list of ids"
            )
        return self.selected(expression, self.fields)

    def selected(self, expression: Expression, fields: Mapping[str, str]) -> npt.NDArray[np.bool_]:
        """Return the rows of which an expression is true: bool[len(snapshot)].

        Parameters
        ----------
        expression
            What to select by.
        fields
            All fields that there are and their types: documents have missing values in those that
            the snapshot lacks.
        """
        known = self._metadata if fields == self.fields else self._completed(fields)
        masks = [
            selected(expression, metadata)[part.rows]
            for part, metadata in zip(self.parts, known, strict=True)
        ]
        return np.concatenate([np.empty(0, np.bool_), *masks])

    @cached_property
    def fields(self) -> dict[str, str]:
        """The fields of the metadata and their types."""
        return {name: kind for part in self.parts for name, kind in part.metadata.types.items()}

    @cached_property
    def _metadata(self) -> list[Metadata]:
        """What is known of each part's rows, deleted ones too, in all fields."""
        return self._completed(self.fields)

    def _completed(self, fields: Mapping[str, str]) -> list[Metadata]:
        return [part.metadata.completed(fields, len(part.segment.ids)) for part in self.parts]

    def records(
        self, names: Iterable[str | None], fields: Sequence[str] | None
    ) -> list[dict[str, Any]]:
        """Return the metadata of documents by their ids, none for None; see `Index.metadata`."""
        records: list[dict[str, Any]] = []
        for name in names:
            if name is None:
                records.append({})
                continue
            row = self.row_of(name)
            i = int(np.searchsorted(self.starts, row, side="right")) - 1
            place = row - int(self.starts[i])
            records += self._metadata[i].records([int(self.parts[i].rows[place])], fields)
        return records

    def part_of(self, row: int) -> tuple[Part, int]:
        """Return the part that has a row, and the row's place in it."""
        i = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.parts[i], row - int(self.starts[i])

    def _spans(self) -> list[tuple[Part, int, int]]:
        """Return each part and the rows that it has, from start to end."""
        starts = self.starts.tolist()
        return list(zip(self.parts, starts[:-1], starts[1:], strict=True))


def _alive(parts: Sequence[Part]) -> npt.NDArray[np.bool_] | None:
    """Return which rows of all segments are alive; None if all are."""
    if all(part.alive is None for part in parts):
        return None
    masks = [
        np.ones(len(part.segment.ids), np.bool_) if part.alive is None else part.alive
        for part in parts
    ]
    return np.concatenate(masks)
