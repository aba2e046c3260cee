"""Changes to an index on disk, one commit after the other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError, InputTypeError
from rarefy.index.merging import concatenated, laid_out, merged, run_to_merge, taken
from rarefy.index.metadata import Metadata
from rarefy.index.part import Part
from rarefy.index.storage.deletions import read_alive, write_alive
from rarefy.index.storage.files import Files
from rarefy.index.storage.ids import Ids, hashes_of
from rarefy.index.storage.lock import FolderLock
from rarefy.index.storage.manifest import (
    Manifest,
    SegmentEntry,
    check_target,
    generations,
    publish,
    read_manifest,
    read_newest,
    sweep,
)
from rarefy.index.storage.segment import Segment, read_segment, write_segment
from rarefy.index.vectors import MAX_COLUMNS, Vectors, canonical, document_ids

__all__ = ["Writer"]

BUFFER = 256 * 2**20
"""Bytes of vectors and ids that are held in memory before they become a segment on disk."""
POSTING_BYTES, DOCUMENT_BYTES = 8, 200
"""What a posting and a document take there, about."""


class _Open(NamedTuple):
    """A segment on disk, and which of its rows are alive once all changes are committed."""

    entry: SegmentEntry
    segment: Segment
    fields: dict[str, str]
    alive: npt.NDArray[np.bool_]
    changed: bool = False


class _Buffer:
    """Documents that are in memory alone."""

    def __init__(self) -> None:
        self.batches: list[tuple[Vectors, Metadata | None]] = []
        self.names: list[str] = []
        self.row_of: dict[str, int] = {}
        self.bytes = 0

    def add(self, names: list[str], vectors: Vectors, metadata: Metadata | None) -> None:
        """Add documents whose ids are not in it."""
        first = len(self.names)
        self.row_of.update((name, first + i) for i, name in enumerate(names))
        self.names += names
        self.batches.append((vectors, metadata))
        self.bytes += POSTING_BYTES * len(vectors.columns) + DOCUMENT_BYTES * len(names)

    def segment(self, vocabulary_size: int) -> Segment:
        """Return the segment of its living documents."""
        rows = np.sort(np.fromiter(self.row_of.values(), np.int64, len(self.row_of)))
        vectors = concatenated([vectors for vectors, _ in self.batches], vocabulary_size)
        every = [(metadata, np.arange(len(vectors))) for vectors, metadata in self.batches]
        known = Metadata.joined(every)
        if known is not None:
            known = Metadata.joined([(known, rows)])
        names = [self.names[row] for row in rows.tolist()]
        return laid_out(taken(vectors, rows), Ids.of(names), known)


class Writer:
    """Adds, replaces and deletes documents of an index on disk.

    Nothing is seen by readers before `commit`, and all of it after. Once `commit` has returned, its
    changes survive the end of the process and a loss of power. Leaving a ``with`` block commits, or
    rolls back if the block failed. For one thread at a time.

    Parameters
    ----------
    path
        The folder of an index, or of one that is to be.
    vocabulary_size
        How many columns vectors have; needed for a new index.
    buffer_bytes
        How much is held in memory, about, before it is written to disk without being committed.
    files
        What writes; the file system by default.

    Raises
    ------
    InputError
        If the folder holds other things, or another writer has it open; or the vocabulary size is
        missing, or another than the index has; or the index is compact.
    DamagedIndexError
        If the index is not what was written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        vocabulary_size: int | None = None,
        buffer_bytes: int = BUFFER,
        files: Files | None = None,
    ) -> None:
        self._folder = Path(path)
        self._files = files or Files()
        self._buffer_bytes = buffer_bytes
        self._buffer = _Buffer()
        check_target(self._folder)
        self._check_size(vocabulary_size)
        self._files.ensure_folder(self._folder)
        self._lock: FolderLock | None = FolderLock(self._folder)
        try:
            self._manifest = self._begin(vocabulary_size)
            self._committed = [self._opened(entry) for entry in self._manifest.segments]
            if any(each.segment.layout.compact for each in self._committed):
                raise InputError(
                    f"{self._folder} is a compact index, which cannot be changed: build it without "
                    f"compact=True"
                )
        except BaseException:
            self._lock.release()
            raise
        self._segments = list(self._committed)
        sweep(self._files, self._folder, [self._manifest, *self._before()])

    @property
    def vocabulary_size(self) -> int:
        """How many columns vectors have."""
        return self._manifest.vocabulary_size

    def upsert(self, ids: Sequence[str], vectors: Any, metadata: Any = None) -> None:
        """Add documents; those whose ids are there already are replaced, and become the newest.

        Parameters
        ----------
        ids
            One unique string a document.
        vectors
            scipy sparse matrix [n, vocabulary] of finite weights, none negative; used as float32.
        metadata
            As `Index.build` takes it. A field has one type in the whole index; documents for which
            it is not given have a missing value.

        Raises
        ------
        InputTypeError
            If the vectors are no sparse matrix of numbers, an id is no string, or a field has
            another type than before.
        InputError
            If a weight is negative or not finite, the width is not the vocabulary size, there are
            more or fewer ids than documents, or ids are not unique.
        """
        self._check_open()
        documents = canonical(vectors, width=self.vocabulary_size, what="document vectors")
        if ids is None:
            raise InputTypeError("ids is None; expected one unique string a document")
        names = document_ids(ids, len(documents))
        fields = None
        if metadata is not None:
            fields = Metadata.of(metadata, len(documents), self._types())
        self._forget(names)
        self._buffer.add(names, documents, fields)
        if self._buffer.bytes > self._buffer_bytes:
            self._spill()

    def delete(self, ids: Sequence[str]) -> int:
        """Delete documents; return how many of the ids were there.

        Raises
        ------
        InputTypeError
            If an id is no string, or ids is itself one string.
        """
        self._check_open()
        if isinstance(ids, str):
            raise InputTypeError(f"ids must be a sequence of strings, got one string {ids!r}")
        return self._forget(document_ids(list(dict.fromkeys(ids)), len(set(ids))))

    def commit(self) -> None:
        """Make all changes since the last commit part of the index.

        When this fails, the index on disk is that of the last commit, or has all of the changes;
        they are kept, and the next commit tries again.

        Raises
        ------
        OSError
            If the disk is full or broken.
        """
        self._check_open()
        self._spill()
        kept = [each for each in self._segments if each.alive.any()]
        unchanged = [each.entry for each in kept] == [each.entry for each in self._committed]
        if not unchanged or any(each.changed for each in kept):
            self._publish([self._stored(each) for each in kept])
        while run := run_to_merge([each.entry for each in self._committed]):
            self._merge(run)

    def rollback(self) -> None:
        """Forget all changes since the last commit.

        Raises
        ------
        OSError
            If a commit failed after it could be seen, and cannot be taken back.
        """
        self._check_open()
        self._buffer = _Buffer()
        self._segments = list(self._committed)
        if generations(self._folder)[0] > self._manifest.generation:
            self._publish(self._segments)
        sweep(self._files, self._folder, [self._manifest, *self._before()])

    def merge(self) -> None:
        """Commit, and make all segments one without deleted documents: the fastest to search."""
        self.commit()
        if len(self._committed) > 1 or any(not each.alive.all() for each in self._committed):
            self._merge(slice(0, len(self._committed)))

    def close(self) -> None:
        """Let others write; what is not committed is forgotten."""
        if self._lock is not None:
            with suppress(OSError):
                self.rollback()
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.close()

    def _begin(self, vocabulary_size: int | None) -> Manifest:
        """Return the newest commit, which is an empty one in a new folder."""
        try:
            manifest = read_newest(self._folder)
        except InputError:
            if vocabulary_size is None or self._holds_index():
                raise
            manifest = Manifest(1, int(vocabulary_size), ())
            publish(self._files, self._folder, manifest)
        if vocabulary_size not in (None, manifest.vocabulary_size):
            raise InputError(
                f"vocabulary_size is {vocabulary_size}, {self._folder} has "
                f"{manifest.vocabulary_size}: encode with the model that made the index"
            )
        return manifest

    def _check_size(self, vocabulary_size: int | None) -> None:
        if vocabulary_size is None:
            if not self._holds_index():
                raise InputError(
                    f"{self._folder} holds no index yet: pass vocabulary_size=..., how many "
                    f"columns vectors have"
                )
        elif isinstance(vocabulary_size, bool) or not isinstance(vocabulary_size, int | np.integer):
            raise InputTypeError(f"vocabulary_size must be an integer, got {vocabulary_size!r}")
        elif not 0 <= vocabulary_size <= MAX_COLUMNS:
            raise InputError(f"vocabulary_size is {vocabulary_size}, expected 0..{MAX_COLUMNS}")

    def _holds_index(self) -> bool:
        try:
            return bool(generations(self._folder))
        except InputError:
            return False

    def _before(self) -> list[Manifest]:
        """Return the commit before the last, if it is there and whole."""
        older = [each for each in generations(self._folder) if each < self._manifest.generation]
        with suppress(InputError, OSError):
            return [read_manifest(self._folder, each) for each in older[:1]]
        return []

    def _opened(self, entry: SegmentEntry) -> _Open:
        segment = read_segment(self._folder, entry, self.vocabulary_size, verify=False)
        alive = read_alive(self._folder, entry)
        alive = np.ones(entry.documents, np.bool_) if alive is None else alive
        known = Part(segment).metadata
        return _Open(entry, segment, {} if known is None else known.types, alive)

    def _types(self) -> dict[str, str]:
        """Return the fields that documents have so far, and their types."""
        held = [metadata.types for _, metadata in self._buffer.batches if metadata is not None]
        every = [*(each.fields for each in self._segments), *held]
        return {name: kind for types in every for name, kind in types.items()}

    def _forget(self, names: list[str]) -> int:
        """Mark documents as deleted; return how many there were."""
        found = 0
        for name in names:
            found += self._buffer.row_of.pop(name, None) is not None
        hashes = hashes_of(names)
        for i, each in enumerate(self._segments):
            rows = each.segment.ids.rows_of(names, hashes)
            rows = rows[(rows >= 0)]
            rows = rows[each.alive[rows]]
            if len(rows):
                alive = each.alive.copy()
                alive[rows] = False
                self._segments[i] = each._replace(alive=alive, changed=True)
                found += len(rows)
        return found

    def _spill(self) -> None:
        """Write what is in memory as a segment, which no commit names yet."""
        if self._buffer.row_of:
            segment = self._buffer.segment(self.vocabulary_size)
            entry = write_segment(self._files, self._folder, segment)
            self._segments.append(self._opened(entry))
        self._buffer = _Buffer()

    def _stored(self, each: _Open) -> _Open:
        """Write which rows are alive, if that has changed."""
        if not each.changed:
            return each
        file = write_alive(self._files, self._folder, each.alive)
        entry = each.entry._replace(deletions=file, deleted=int((~each.alive).sum()))
        return each._replace(entry=entry, changed=False)

    def _publish(self, segments: list[_Open]) -> None:
        """Commit segments."""
        newest, *_ = generations(self._folder)  # of a commit that failed after its last step too
        entries = tuple(each.entry for each in segments)
        manifest = Manifest(newest + 1, self.vocabulary_size, entries)
        publish(self._files, self._folder, manifest)
        before, self._manifest = self._manifest, manifest
        self._committed = segments
        self._segments = list(segments)
        sweep(self._files, self._folder, [before, manifest])

    def _merge(self, run: slice) -> None:
        """Make a run of segments one, and commit that; nothing else is to be committed."""
        parts = []
        for each in self._committed[run]:
            # Damage must not be copied under a new checksum.
            segment = read_segment(self._folder, each.entry, self.vocabulary_size, verify=True)
            parts.append(Part(segment, each.alive))
        whole = Part(merged(parts, self.vocabulary_size))
        whole.calibrate(None)
        segments = list(self._committed)
        segments[run] = []
        if len(whole):
            stored = whole.segment._replace(table=whole.table)
            entry = write_segment(self._files, self._folder, stored)
            segments.insert(run.start, self._opened(entry))
        self._publish(segments)

    def _check_open(self) -> None:
        if self._lock is None:
            raise InputError("the writer is closed: open another one")
