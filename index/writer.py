"""Changes to an index on disk, one commit after the other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Condition
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError
from rarefy.index.arguments import check_same_size, check_vocabulary_size
from rarefy.index.buffer import Buffer
from rarefy.index.merges import Merges
from rarefy.index.metadata import Metadata
from rarefy.index.opened import OpenSegment, open_segment
from rarefy.index.replacement import Replacement
from rarefy.index.storage.deletions import write_alive
from rarefy.index.storage.files import Files
from rarefy.index.storage.ids import hashes_of
from rarefy.index.storage.lock import FolderLock
from rarefy.index.storage.manifest import (
    Manifest,
    check_target,
    generations,
    publish,
    read_manifest,
    read_newest,
    sweep,
)
from rarefy.index.storage.segment import write_segment
from rarefy.index.storage.sweeper import Sweeper
from rarefy.index.tiers import MOST_SEGMENTS, run_to_merge
from rarefy.index.vectors import MAX_ROWS, deleted_ids, identified

__all__ = ["Writer"]

BUFFER = 256 * 2**20
"""Bytes of vectors and ids that are held in memory before they become a segment on disk."""


class Writer:
    """Adds, replaces and deletes documents of an index on disk.

    Nothing is seen by readers before `commit`, and all of it after. Once `commit` has returned, its
    changes survive the end of the process and a loss of power. Leaving a ``with`` block commits, or
    rolls back if the block failed. For one thread at a time, and for the process that opened it: in
    one that is forked from it all but `close` is refused.

    Segments that have become many are made one in threads of the writer's own, while it and readers
    go on; each time that is a commit of its own, which changes no result. Where such a merge fails
    nothing is lost, and the next `commit`, `merge` or `close` raises its error when it has done its
    own work. A commit waits only if merges cannot keep up and there are over 64 segments.

    Parameters
    ----------
    path
        The folder of an index, or of one that is to be.
    vocabulary_size
        How many columns vectors have; needed for a new index.
    buffer_bytes
        How much is held in memory, about, before it is written to disk without being committed.
    background
        Whether segments are merged in threads; otherwise within `commit`, which then takes long at
        times.
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
        background: bool = True,
        files: Files | None = None,
    ) -> None:
        self._folder = Path(path)
        self._files = files or Files()
        self._sweeper = Sweeper(self._files, self._folder)
        self._buffer_bytes = buffer_bytes
        self._buffer = Buffer()
        self._state = Condition()
        self._merges = Merges(self._state, self._mergeable, self._merge, background)
        check_target(self._folder)
        self._check_size(vocabulary_size)
        self._files.ensure_folder(self._folder)
        self._lock: FolderLock | None = FolderLock(self._folder)
        try:
            self._manifest = self._begin(vocabulary_size)
            self._committed = [
                open_segment(self._folder, entry, self._manifest.vocabulary_size)
                for entry in self._manifest.segments
            ]
            if any(each.segment.layout.compact for each in self._committed):
                raise InputError(
                    f"{self._folder} is a compact index, which cannot be changed: build it without "
                    f"compact=True"
                )
            self._segments = list(self._committed)
            sweep(self._files, self._folder, [self._manifest, *self._before()])
        except BaseException:
            self._lock.release()
            raise

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
        names, documents = identified(ids, vectors, self.vocabulary_size)
        fields = None
        if metadata is not None:
            fields = Metadata.of(metadata, len(documents), self._types())
        hashes = hashes_of(names)
        with self._state:
            self._forget(names, hashes)
            self._buffer.add(names, hashes, documents, fields)
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
        names = deleted_ids(ids)
        with self._state:
            return self._forget(names, hashes_of(names))

    def commit(self) -> None:
        """Make all changes since the last commit part of the index.

        When this fails, the index on disk is that of the last commit, or has all of the changes;
        they are kept, and the next commit tries again.

        Raises
        ------
        OSError
            If the disk is full or broken.
        InputError
            If the index would have 2**31 documents or more, deleted ones of its segments counted.
        """
        self._check_open()
        with self._state:
            self._spill()
            kept = [each for each in self._segments if each.alive.any()]
            unchanged = [each.entry for each in kept] == [each.entry for each in self._committed]
            if not unchanged or any(each.changed for each in kept) or self._overtaken():
                self._publish([self._stored(each) for each in kept])
            self._merges.begin()
            self._merges.wait_until(lambda: len(self._committed) <= MOST_SEGMENTS)
            self._merges.report()

    def rollback(self) -> None:
        """Forget all changes since the last commit.

        Raises
        ------
        OSError
            If a commit failed after it could be seen, and cannot be taken back.
        """
        self._check_open()
        with self._state:
            self._buffer = Buffer()
            self._segments = list(self._committed)
            if self._overtaken():
                self._publish(self._segments)
            self._sweep([self._manifest, *self._before()])

    def merge(self) -> None:
        """Commit, and make all segments one without deleted documents: the fastest to search.

        Waits for merges that run, and takes as much more of the disk as the index has until it
        returns.

        Raises
        ------
        OSError, DamagedIndexError
            If a merge fails; the commit is done.
        """
        self._check_open()
        with self._state:
            self.commit()
            self._merges.settle()
            self._merges.report()
            if len(self._committed) > 1 or any(not each.alive.all() for each in self._committed):
                self._merges.run(Replacement(self._committed, self.vocabulary_size))
                self._merges.report()
            if any(each.files - self._manifest.files for each in self._before()):
                self._publish(self._committed)  # so that the commit before needs no other files

    def close(self) -> None:
        """Wait for merges that run, and let others write; what is not committed is forgotten.

        Raises
        ------
        OSError, DamagedIndexError
            If a merge has failed.
        """
        if self._lock is None or not self._lock.ours:
            return
        with self._state:
            try:
                with suppress(OSError):
                    self.rollback()
                self._merges.settle()
            finally:
                self._lock.release()
                self._lock = None
            self._merges.report()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            with suppress(Exception):  # what the block failed with says more
                self.close()
            return
        try:
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
        check_same_size(vocabulary_size, manifest.vocabulary_size, self._folder)
        return manifest

    def _check_size(self, vocabulary_size: int | None) -> None:
        if vocabulary_size is None:
            if not self._holds_index():
                raise InputError(
                    f"{self._folder} holds no index yet: pass vocabulary_size=..., how many "
                    f"columns vectors have"
                )
        else:
            check_vocabulary_size(vocabulary_size)

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

    def _types(self) -> dict[str, str]:
        """Return the fields that documents have so far, and their types."""
        held = [metadata.types for _, metadata in self._buffer.batches if metadata is not None]
        every = [*(each.fields for each in self._segments), *held]
        return {name: kind for types in every for name, kind in types.items()}

    def _forget(self, names: list[str], hashes: npt.NDArray[np.uint64]) -> int:
        """Mark documents as deleted; return how many there were."""
        found = sum(self._buffer.row_of.pop(name, None) is not None for name in names)
        order = np.argsort(hashes)  # looked up in turn, they are found near each other
        names, hashes = [names[i] for i in order.tolist()], hashes[order]
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
            self._segments.append(open_segment(self._folder, entry, self.vocabulary_size))
        self._buffer = Buffer()

    def _stored(self, each: OpenSegment) -> OpenSegment:
        """Write which rows are alive, if that has changed."""
        if not each.changed:
            return each
        file = write_alive(self._files, self._folder, each.alive)
        entry = each.entry._replace(deletions=file, deleted=int((~each.alive).sum()))
        return each._replace(entry=entry, changed=False)

    def _publish(
        self, segments: list[OpenSegment], pending: list[OpenSegment] | None = None
    ) -> None:
        """Commit segments; what they are with changes still to be committed is `pending`."""
        newest, *_ = generations(self._folder)  # of a commit that failed after its last step too
        entries = tuple(each.entry for each in segments)
        rows = sum(entry.documents for entry in entries)
        if rows > MAX_ROWS:
            raise InputError(f"{rows} documents are too many: at most {MAX_ROWS} fit in one index")
        manifest = Manifest(newest + 1, self.vocabulary_size, entries)
        publish(self._files, self._folder, manifest, self._manifest)
        before, self._manifest = self._manifest, manifest
        self._committed = segments
        self._segments = list(segments) if pending is None else pending
        self._sweep([before, manifest])

    def _overtaken(self) -> bool:
        """Return whether the folder shows a commit that failed after it could be seen."""
        return generations(self._folder)[0] > self._manifest.generation

    def _sweep(self, kept: list[Manifest]) -> None:
        self._sweeper.sweep(kept, {each.name for each in self._segments} | self._merges.files)

    def _mergeable(self, busy: set[str]) -> Replacement | None:
        """Return what should become one; segments that are becoming one already are busy."""
        run = run_to_merge([each.entry for each in self._committed], busy)
        return run and Replacement(self._committed[run], self.vocabulary_size)

    def _merge(self, merge: Replacement) -> bool:
        """Commit the last commit's documents in fewer segments; pending changes stay pending.

        Return whether that was done: not where the writer is closed or a commit has half failed.
        """
        merge.make(self._files, self._folder)
        with self._state:
            if self._lock is None or self._overtaken():
                return False
            stored = self._stored(merge.among(self._committed))
            alive = merge.among(self._segments).alive
            pending = stored._replace(alive=alive, changed=bool((alive != stored.alive).any()))
            self._publish(
                merge.put(self._committed, stored), pending=merge.put(self._segments, pending)
            )
        return True

    def _check_open(self) -> None:
        if self._lock is None:
            raise InputError("the writer is closed: open another one")
        if not self._lock.ours:
            raise InputError(
                "the writer was opened before this process was forked: write in the process that "
                "opened it, or open another one here once it is closed"
            )
