"""Changes to an index of several shards, one commit after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rarefy.errors import InputError, LostChangesError, UnavailableError, require
from rarefy.index.arguments import check_count, check_same_size, check_vocabulary_size
from rarefy.index.distributed.building import columns_between
from rarefy.index.distributed.claim import claim
from rarefy.index.distributed.commits import (
    Commit,
    ShardEntry,
    fresh_shard,
    generations,
    newest,
    publish,
    sweep,
)
from rarefy.index.distributed.deal import Deal
from rarefy.index.distributed.fleet import cause
from rarefy.index.distributed.reshaping import reshaped
from rarefy.index.distributed.shard_writer import Prepared, ShardWriter
from rarefy.index.distributed.storage import Storage, storage_at
from rarefy.index.distributed.turns import Turns
from rarefy.index.metadata import Metadata
from rarefy.index.vectors import deleted_ids, identified

__all__ = ["DistributedWriter"]

STARTS = 3
"""How often processes are started before they have changes: Ray takes some 20 s to notice that a
node is gone, and chooses it until then."""
RUN = 4096
"""Documents that go to one shard before the next one takes its turn."""


class DistributedWriter:
    """Adds, replaces and deletes documents of an index of several shards.

    It is to `DistributedIndex` what `Writer` is to `Index`: nothing is seen by readers before
    `commit`, and all of it, in all shards, after; leaving a ``with`` block commits, or rolls back
    if the block failed. Each shard is changed by a process of its own. Where one of them is lost,
    so are the changes since the last commit, and that is said: see `LostChangesError`. For one
    thread at a time.

    Parameters
    ----------
    storage
        A folder that all nodes see, or a URL that fsspec knows.
    vocabulary_size
        How many columns vectors have; needed for a new index.
    shards
        How many a new index has; 1 by default.
    scratch
        Where nodes keep the copies that are changed, as `DistributedIndex` has it.

    Raises
    ------
    InputError
        If another writer has it open; or the vocabulary size or the shards are others than the
        index has, or the size is missing.
    DamagedIndexError
        If the index is not what was written.
    MissingExtraError
        If Ray is not installed.
    """

    def __init__(
        self,
        storage: str | Path,
        *,
        vocabulary_size: int | None = None,
        shards: int | None = None,
        scratch: str | None = None,
    ) -> None:
        self._ray = require("ray", "ray")
        self._storage, self._scratch = storage_at(storage), scratch
        self._actor = self._ray.remote(ShardWriter)
        self._tried = 0
        if shards is not None:
            check_count("shards", shards)
        _found(self._storage, vocabulary_size, shards)  # before a folder is made
        self._release: Callable[[], None] | None = claim(self._storage)
        try:
            self._reset()
            found = _found(self._storage, vocabulary_size, shards)
            if found is None:
                self._create(int(vocabulary_size or 0), int(shards or 1))
            else:
                self._commit = found
            sweep(self._storage)
        except BaseException:
            self._release()
            raise

    @property
    def vocabulary_size(self) -> int:
        """How many columns vectors have."""
        return self._commit.vocabulary_size

    @property
    def shards(self) -> dict[str, int]:
        """The shards of the last commit by name, and how many documents each has."""
        return self._commit.sizes

    def upsert(self, ids: Sequence[str], vectors: Any, metadata: Any = None) -> None:
        """Add documents; those whose ids are there already are replaced, and become the newest.

        Parameters
        ----------
        ids, vectors, metadata
            As `Writer.upsert` has them.

        Raises
        ------
        InputTypeError, InputError
            As `Writer.upsert` does.
        LostChangesError
            If a shard fails; the changes since the last commit are forgotten.
        """
        self._check_open()
        names, documents = identified(ids, vectors, self.vocabulary_size)
        fields = None
        if metadata is not None:
            known = {**self._commit.fields, **self._types}
            fields = Metadata.of(metadata, len(documents), known)
            self._types |= fields.types
        pieces = self._dealt(len(names))
        arguments: list[list[tuple[Any, ...]]] = [[(names,)] for _ in self._commit.shards]
        for shard, start, end in pieces:
            columns = columns_between(fields, start, end)
            arguments[shard].append(((), names[start:end], documents.between(start, end), columns))
        self._change(arguments)
        for shard, start, end in pieces:
            self._pending.update(dict.fromkeys(names[start:end], len(self._runs)))
            self._runs.append(shard)

    def delete(self, ids: Sequence[str]) -> int:
        """Delete documents; return how many of the ids were there.

        Raises
        ------
        InputTypeError
            If an id is no string, or ids is itself one string.
        LostChangesError
            If a shard fails; the changes since the last commit are forgotten.
        """
        self._check_open()
        names = deleted_ids(ids)
        deleted = self._change([[(names,)] for _ in self._commit.shards])
        for name in names:
            self._pending.pop(name, None)
        return deleted

    def commit(self) -> None:
        """Make all changes since the last commit part of the index, in all shards at once.

        When this fails, the index is that of the last commit, or has all of the changes.

        Raises
        ------
        OSError
            If a disk is full or broken, or the storage is; the changes are kept, and the next
            commit tries again.
        LostChangesError
            If a shard is lost; the changes are forgotten.
        """
        self._check_open()
        if not self._writers:
            return
        prepared: list[Prepared] = self._all([each.prepare.remote() for each in self._writers])
        counts = Counter(self._pending.values())
        deal = self._commit.deal.without([each.lost for each in prepared])
        deal = deal.extended(self._runs, [counts[run] for run in range(len(self._runs))])
        self._publish(tuple(each.entry for each in prepared), deal)
        try:
            self._ray.get([each.committed.remote() for each in self._writers])
        except BaseException as error:
            self._reset()  # of processes that do not know it, with which nothing is lost
            if not isinstance(error, self._ray.exceptions.RayError):
                raise
        sweep(self._storage)

    def split(self, shard: str, parts: int = 2) -> list[str]:
        """Put the documents of a shard into several new ones, and commit that.

        Results stay the same. Readers have the old shards until they `refresh`, and search goes on
        meanwhile. New shards are calibrated by their own documents.

        Parameters
        ----------
        shard
            Its name, see `shards`.
        parts
            How many new ones; documents are dealt evenly, neighbours together.

        Returns
        -------
        list of str
            The names of the new shards.

        Raises
        ------
        InputTypeError, InputError
            If there is no such shard, parts is below 1, or there are changes that are not
            committed.
        DamagedIndexError, UnavailableError, OSError
            If new shards cannot be made: the index stays as it was.
        """
        check_count("parts", parts)
        return self._reshape([shard], int(parts))

    def merge(self, shards: Sequence[str]) -> str:
        """Put the documents of several shards into a new one, and commit that; see `split`.

        Parameters
        ----------
        shards
            Their names.

        Returns
        -------
        str
            The name of the new shard.

        Raises
        ------
        InputError, DamagedIndexError, UnavailableError, OSError
            As `split` does.
        """
        return self._reshape(list(shards), 1)[0]

    def _reshape(self, names: list[str], into: int) -> list[str]:
        self._check_open()
        if self._changed:
            raise InputError(
                "there are changes that are not committed: commit() or rollback() before shards "
                "are split or merged"
            )
        entries, deal = reshaped(self._storage, self._commit, names, into, self._scratch)
        self._publish(entries, deal)
        self._reset()
        sweep(self._storage)
        return [entry.name for entry in entries[-into:]]

    def rollback(self) -> None:
        """Forget all changes since the last commit."""
        self._check_open()
        self._reset()
        self._commit = newest(self._storage)

    def close(self) -> None:
        """Let others write; what is not committed is forgotten."""
        if self._release is not None:
            self._reset()
            self._release()
            self._release = None

    def __enter__(self) -> DistributedWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.close()

    def _reset(self) -> None:
        """Be as after a commit, without processes."""
        self._writers: list[Any] = []
        self._pending: dict[str, int] = {}
        self._runs: list[int] = []
        self._types: dict[str, str] = {}
        self._turns = Turns()
        self._changed = False

    def _create(self, vocabulary_size: int, shards: int) -> None:
        """Commit empty shards."""
        self._commit = Commit(0, vocabulary_size, (), Deal([], []))
        names = [fresh_shard() for _ in range(shards)]
        self._writers = self._started([(name, None) for name in names])
        prepared: list[Prepared] = self._all([each.prepare.remote() for each in self._writers])
        self._publish(tuple(each.entry for each in prepared), Deal([], []))

    def _started(self, shards: Sequence[tuple[str, ShardEntry | None]]) -> list[Any]:
        """Start processes that have no changes yet, again where Ray chose a node that is gone."""
        actor = self._actor.options(num_cpus=0, scheduling_strategy="SPREAD")
        for _ in range(STARTS):
            writers = [
                actor.remote(self._storage, name, entry, self.vocabulary_size, self._scratch)
                for name, entry in shards
            ]
            try:
                self._ray.get([each.ready.remote() for each in writers])
                return writers
            except self._ray.exceptions.RayTaskError as error:
                raise cause(error) from None
            except self._ray.exceptions.RayError as error:
                reason = error
        raise UnavailableError(
            f"no processes could be started to change {self._storage} ({reason}): see `ray status`"
        )

    def _publish(self, entries: tuple[ShardEntry, ...], deal: Deal) -> None:
        self._tried = max(self._tried, self._commit.generation) + 1  # no number stands for two
        commit = Commit(self._tried, self.vocabulary_size, entries, deal)
        try:
            publish(self._storage, commit)
        except BaseException:
            with suppress(OSError, InputError):
                if newest(self._storage).generation == commit.generation:
                    self._commit = commit  # it failed after it could be seen
                    self._reset()
            raise
        self._commit, self._pending, self._runs, self._changed = commit, {}, [], False

    def _dealt(self, n: int) -> list[tuple[int, int, int]]:
        """Return which shard has which of n documents: (shard, start, end), in their order."""
        counts = Counter(self._pending.values())
        sizes = [self._commit.deal.documents(at) for at in range(len(self._commit.shards))]
        for run, shard in enumerate(self._runs):
            sizes[shard] += counts[run]
        return self._turns.deal(n, sizes, RUN)

    def _change(self, arguments: list[list[tuple[Any, ...]]]) -> int:
        """Let each shard make changes, one after the other; return how many were deleted."""
        if not self._writers:
            self._writers = self._started([(each.name, each) for each in self._commit.shards])
        calls = [
            writer.change.remote(*each)
            for writer, several in zip(self._writers, arguments, strict=True)
            for each in several
        ]
        self._changed = True
        try:
            return sum(self._all(calls))
        except LostChangesError:
            raise
        except Exception as error:  # of some shards that have changed and one that has not
            raise self._forgotten(error) from error
        except BaseException as error:
            self._reset()
            error.add_note("the changes since the last commit are forgotten, make them again")
            raise

    def _all(self, calls: list[Any]) -> list[Any]:
        """Return what calls return."""
        try:
            return list(self._ray.get(calls))
        except self._ray.exceptions.RayTaskError as error:
            raise cause(error) from None
        except self._ray.exceptions.RayError as error:
            raise self._forgotten(error) from error

    def _forgotten(self, error: Exception) -> LostChangesError:
        """Forget all changes since the last commit, and return the error that says so."""
        self.rollback()
        return LostChangesError(
            f"a process that changes a shard of {self._storage} failed ({type(error).__name__}: "
            f"{error}): the changes since the last commit are forgotten, make them again"
        )

    def _check_open(self) -> None:
        if self._release is None:
            raise InputError("the writer is closed: open another one")


def _found(storage: Storage, vocabulary_size: int | None, shards: int | None) -> Commit | None:
    """Return the newest commit, None in an empty storage; refuse other sizes than it has."""
    if vocabulary_size is not None:
        check_vocabulary_size(vocabulary_size)
    if not generations(storage):
        if vocabulary_size is None:
            raise InputError(
                f"{storage} holds no distributed index yet: pass vocabulary_size=..., how many "
                f"columns vectors have"
            )
        return None
    commit = newest(storage)
    check_same_size(vocabulary_size, commit.vocabulary_size, storage)
    if shards not in (None, len(commit.shards)):
        raise InputError(
            f"shards is {shards}, {storage} has {len(commit.shards)}: leave it out, and split or "
            f"merge shards"
        )
    return commit
