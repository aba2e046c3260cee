"""Other shards for the same documents: split, or merged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError
from rarefy.index.distributed.building import built, stored
from rarefy.index.distributed.commits import Commit, ShardEntry
from rarefy.index.distributed.copies import fetch
from rarefy.index.distributed.deal import Deal
from rarefy.index.distributed.storage import Storage
from rarefy.index.distributed.workspace import Workspace
from rarefy.index.merging import gathered
from rarefy.index.metadata import Metadata
from rarefy.index.part import Part
from rarefy.index.snapshot import Snapshot
from rarefy.index.storage.ids import Ids
from rarefy.index.vectors import Vectors

__all__ = ["reshaped"]


def reshaped(
    storage: Storage, commit: Commit, names: Sequence[str], into: int, scratch: str | None
) -> tuple[tuple[ShardEntry, ...], Deal]:
    """Store the documents of some shards as new ones, evenly and in their order; commit nothing.

    Parameters
    ----------
    storage
        Where shards are kept.
    commit
        The newest.
    names
        Of the shards whose place new ones take.
    into
        How many.
    scratch
        See `Workspace`.

    Returns
    -------
    shards, deal
        Of the next commit: those that stay, and then the new ones.

    Raises
    ------
    InputError
        If there is no such shard, or one is named twice.
    DamagedIndexError
        If a shard is not what was written.
    UnavailableError
        If processes that build are lost again and again.
    """
    numbers = {entry.name: number for number, entry in enumerate(commit.shards)}
    for name in names:
        if name not in numbers:
            raise InputError(f"{name!r} is no shard; the index has {', '.join(numbers)}")
    if len(set(names)) < max(1, len(names)):
        raise InputError(f"the shards {list(names)} are not one or more different ones")
    gone = sorted(numbers[name] for name in names)
    owners = commit.deal.owners
    pieces = np.array_split(np.flatnonzero(np.isin(owners, gone)), into)
    sources = [commit.shards[number] for number in gone]
    arguments = []
    taken = np.zeros(len(gone), np.int64)
    for rows in pieces:
        of_each = np.searchsorted(gone, owners[rows])
        arguments.append((storage, sources, taken, of_each, commit.vocabulary_size, scratch))
        taken = taken + np.bincount(of_each, minlength=len(gone))
    new = built(_reshape, arguments)
    stay = [number for number in range(len(commit.shards)) if number not in gone]
    renumbered = np.zeros(len(commit.shards), np.int64)
    renumbered[stay] = np.arange(len(stay))
    dealt = renumbered[owners]
    for number, rows in enumerate(pieces, len(stay)):
        dealt[rows] = number
    return (*(commit.shards[number] for number in stay), *new), Deal.of(dealt)


def _reshape(
    storage: Storage,
    sources: Sequence[ShardEntry],
    starts: npt.NDArray[np.int64],
    of_each: npt.NDArray[np.int64],
    width: int,
    scratch: str | None,
) -> ShardEntry:
    """Store one new shard.

    Parameters
    ----------
    storage, scratch
        As for `reshaped`.
    sources, starts
        Shards, and the row of each from which documents are taken.
    of_each
        int64[n], which of these has each document, in the order of the whole.
    width
        How many columns vectors have.
    """
    ends = starts + np.bincount(of_each, minlength=len(sources))
    space = Workspace(scratch)
    try:
        parts = []
        for entry, start, end in zip(sources, starts.tolist(), ends.tolist(), strict=True):
            folder = space.folder(entry.name)
            snapshot = Snapshot.of(folder, fetch(storage, entry, folder), True, None)
            parts += _between(snapshot, start, end)
        vectors, ids, known = gathered(parts, width)
    finally:
        space.close()
    if len(sources) > 1:
        order = np.argsort(np.argsort(of_each, kind="stable"))
        names = ids.names()
        vectors, ids = _ordered(vectors, order), Ids.of([names[row] for row in order.tolist()])
        known = Metadata.joined([(known, order)])
    return stored(storage, vectors, ids, known, None, scratch)


def _between(snapshot: Snapshot, start: int, end: int) -> list[Part]:
    """Return parts of which the rows from `start` to before `end` alone are alive."""
    parts = []
    for part, first in zip(snapshot.parts, snapshot.starts.tolist(), strict=False):
        alive = np.zeros(len(part.segment.ids), np.bool_)
        alive[part.rows[max(start - first, 0) : max(end - first, 0)]] = True
        parts.append(part.with_alive(alive))
    return parts


def _ordered(vectors: Vectors, order: npt.NDArray[np.int64]) -> Vectors:
    """Return all rows in another order."""
    lengths = np.diff(vectors.indptr)[order]
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    entries = np.repeat(vectors.indptr[order] - indptr[:-1], lengths) + np.arange(indptr[-1])
    return Vectors(indptr, vectors.columns[entries], vectors.weights[entries], vectors.width)
