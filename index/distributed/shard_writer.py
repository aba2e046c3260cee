"""The one process that changes a shard."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse

from rarefy.index.distributed.commits import ShardEntry
from rarefy.index.distributed.copies import fetch, store
from rarefy.index.distributed.storage import Storage
from rarefy.index.distributed.workspace import Workspace
from rarefy.index.index import Index
from rarefy.index.snapshot import Snapshot
from rarefy.index.storage.files import Files
from rarefy.index.storage.manifest import Manifest, publish
from rarefy.index.vectors import Vectors
from rarefy.index.writer import Writer

__all__ = ["Prepared", "ShardWriter"]

LEAP = 2**32
"""Generations that a process leaves out before its own, at most."""


class Prepared(NamedTuple):
    """What a shard is after the changes, stored but not committed.

    Attributes
    ----------
    entry : ShardEntry
    lost : int64[n]
        Rows of the commit before whose documents are deleted or replaced.
    """

    entry: ShardEntry
    lost: npt.NDArray[np.int64]


class ShardWriter:
    """Changes a copy of a shard, and stores it when it is told to.

    Parameters
    ----------
    storage
        Where shards are kept.
    name
        The shard's name.
    entry
        As the last commit has it; None for a new one.
    vocabulary_size
        How many columns vectors have.
    scratch
        Where the copy is, see `Workspace`.
    """

    def __init__(
        self,
        storage: Storage,
        name: str,
        entry: ShardEntry | None,
        vocabulary_size: int,
        scratch: str | None,
    ) -> None:
        self._storage, self._name = storage, name
        self._space = Workspace(scratch)
        self._folder = self._space.folder(name)
        before = Manifest(1, vocabulary_size, ())
        if entry is not None:
            before = fetch(storage, entry, self._folder)
        # A process that was given up may store its generations yet: no two have the same.
        before = before._replace(generation=before.generation + 1 + secrets.randbelow(LEAP))
        publish(Files(), self._folder, before)
        self._before = Snapshot.of(self._folder, before, False, None)
        self._touched: set[str] = set()
        self._writer = Writer(self._folder, background=False)

    def ready(self) -> None:
        """Answer that the process is there, and the shard."""

    def change(
        self,
        gone: Sequence[str],
        ids: Sequence[str] = (),
        vectors: Vectors | None = None,
        columns: dict[str, Any] | None = None,
    ) -> int:
        """Delete documents, and add or replace others; return how many were deleted.

        Parameters
        ----------
        gone
            Ids of what is deleted, if it is here.
        ids, vectors, columns
            What is added: ids, canonical vectors, and metadata by field.
        """
        self._touched.update(gone, ids)
        deleted = self._writer.delete(gone)
        if vectors is not None:
            matrix = scipy.sparse.csr_array(
                (vectors.weights.copy(), vectors.columns.copy(), vectors.indptr.copy()),
                shape=(len(vectors), vectors.width),
            )
            self._writer.upsert(ids, matrix, columns)
        return deleted

    def prepare(self) -> Prepared:
        """Make all changes since the commit before part of the copy, and store it."""
        self._writer.commit()
        touched = sorted(self._touched)
        rows = self._before.rows_of(touched)
        fields = Index.open(self._folder, verify=False).fields
        entry = store(self._storage, self._name, self._folder, fields)
        return Prepared(entry, np.sort(rows[rows >= 0]))

    def committed(self) -> None:
        """Take note that what was prepared is committed."""
        self._before = Snapshot.open(self._folder, verify=False, known=self._before)
        self._touched = set()
