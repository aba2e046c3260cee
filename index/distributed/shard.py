"""One copy of a shard: what searches it in a process of its own."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock, Semaphore
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import UnavailableError
from rarefy.index.distributed.commits import KEPT, ShardEntry
from rarefy.index.distributed.connection import Address, Listener
from rarefy.index.distributed.copies import fetch
from rarefy.index.distributed.storage import Storage
from rarefy.index.distributed.workspace import Workspace
from rarefy.index.expressions import Expression
from rarefy.index.hits import Hits
from rarefy.index.index import Index
from rarefy.index.snapshot import Snapshot
from rarefy.index.storage.files import Files
from rarefy.index.storage.manifest import sweep
from rarefy.index.vectors import Vectors

__all__ = ["Shard"]

SEARCHES = 8
"""Searches that run at once; others wait."""


class Shard:
    """Answers for states of a shard, which it fetches when they are first asked for.

    It holds nothing that the storage does not: another copy can take its place at any time. Each
    request names the state that it wants, so that a reader sees one commit in all shards however
    far each has come. For any number of threads.

    Parameters
    ----------
    storage
        Where the shard is kept.
    scratch
        Where copies of files go, see `Workspace`.
    verify
        Whether all bytes are read once and compared with what was written.
    host
        The address at which it is to be asked.
    """

    def __init__(self, storage: Storage, scratch: str | None, verify: bool, host: str) -> None:
        self._storage, self._verify = storage, verify
        self._space = Workspace(scratch)
        self._open: dict[tuple[str, int, int], Snapshot] = {}
        self._opening = Lock()
        self._room = Semaphore(SEARCHES)
        self._listener = Listener(self.call, host)

    def process(self) -> int:
        """Answer that the process is there, by its number."""
        return os.getpid()

    def call(self, request: bytes | memoryview) -> bytes:
        """Answer a pickled request, a method's name and arguments.

        Returns
        -------
        bytes
            Pickled: whether the method raised something, and that or what it returned.
        """
        try:
            method, *arguments = pickle.loads(request)
            return pickle.dumps((False, getattr(self, method)(*arguments)))
        except Exception as error:
            return pickle.dumps((True, error))

    def prepare(self, entry: ShardEntry) -> Address:
        """Open a state, and search it once, so that the next search waits for nothing.

        Returns
        -------
        Address
            Where to `call`.
        """
        query = Vectors(np.array([0, 1]), np.zeros(1, np.uint32), np.ones(1, np.float32), 1)
        self._at(entry).search(query, 1, None, None, 1)
        return self._listener.address

    def search(
        self,
        entry: ShardEntry,
        queries: Vectors,
        k: int,
        recall: float | None,
        allowed: Any,
        threads: int,
    ) -> Hits:
        """Return the best documents of the shard, by their rows in it.

        Parameters
        ----------
        entry
            The state to search.
        queries, k, recall, threads
            As `Index.search` has them, checked.
        allowed
            bool[documents of the shard]; a condition and the fields of all shards; or None.
        """
        snapshot = self._at(entry)
        with self._room:
            mask = None if allowed is None else self._mask(snapshot, allowed)
            return snapshot.search(queries.copied(), k, recall, mask, threads)

    def mask(self, entry: ShardEntry, condition: Any) -> npt.NDArray[np.bool_]:
        """Return the rows of the shard that a condition keeps; it comes with all fields."""
        return self._mask(self._at(entry), condition)

    def rows_of(self, entry: ShardEntry, names: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the row in the shard of each id, -1 where it has none of that id."""
        return self._at(entry).rows_of(names)

    def names(self, entry: ShardEntry) -> list[str]:
        """Return the ids, by row in the shard."""
        return [name for part in self._at(entry).parts for name in part.names]

    def records(
        self, entry: ShardEntry, names: Sequence[str], fields: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """Return the metadata of those documents that the shard has."""
        snapshot = self._at(entry)
        here = [name for name, row in zip(names, snapshot.rows_of(names), strict=True) if row >= 0]
        known = [name for name in fields if name in snapshot.fields]
        return dict(zip(here, snapshot.records(here, known), strict=True))

    def explain(self, entry: ShardEntry, query: Any, id: str) -> list[tuple[int, float]] | None:
        """Return what `Index.explain` does, or None if the shard has no such document."""
        snapshot = self._at(entry)
        if snapshot.rows_of([id])[0] < 0:
            return None
        return Index(snapshot).explain(query.copy(), id)

    def nbytes(self, entry: ShardEntry) -> int:
        """Return what `Index.nbytes` is."""
        return Index(self._at(entry)).nbytes

    def verify(self, entry: ShardEntry) -> None:
        """Fetch a state anew and check every byte of it."""
        space = Workspace(self._space.path.parent)
        try:
            fetch(self._storage, entry, space.path)
            Index.verify(space.path)
        finally:
            space.close()

    def _at(self, entry: ShardEntry) -> Snapshot:
        snapshot = self._open.get(entry.key)
        return snapshot if snapshot is not None else self._opened(entry)

    def _opened(self, entry: ShardEntry) -> Snapshot:
        with self._opening:
            if entry.key in self._open:
                return self._open[entry.key]
            folder = self._space.folder(entry.name)
            try:
                manifest = fetch(self._storage, entry, folder)
            except FileNotFoundError as error:
                raise UnavailableError(
                    f"generation {entry.generation} of {entry.name} is not in {self._storage} any "
                    f"more, as there were {KEPT} commits since: call refresh()"
                ) from error
            known = next(reversed(self._open.values()), None)
            snapshot = Snapshot.of(folder, manifest, self._verify, known)
            self._open[entry.key] = snapshot
            self._forget(folder)
            return snapshot

    def _forget(self, folder: Path) -> None:
        """Close the oldest states; searches that run in them keep what they need."""
        while len(self._open) > KEPT:
            del self._open[next(iter(self._open))]
        kept = [each.manifest for each in self._open.values() if each.manifest is not None]
        sweep(Files(), folder, kept, at_once=True)

    @staticmethod
    def _mask(snapshot: Snapshot, allowed: Any) -> npt.NDArray[np.bool_]:
        if isinstance(allowed, np.ndarray):
            return allowed.copy()
        condition: tuple[Expression, Mapping[str, str]] = allowed
        return snapshot.selected(*condition)
