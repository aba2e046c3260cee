"""Commits of all shards at once: one small file that names the state of each.

A storage holds ``commit-<generation>.json``, and a folder a shard, an ordinary index folder of
which each commit names one generation. A commit stores the new files of every shard first, then
this file, in one step: whoever opens the storage finds all shards as of before or as of after.

A commit is JSON and, in a line of its own, the CRC-32 of the JSON.
"""

from __future__ import annotations

import json
import re
import secrets
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from rarefy.errors import DamagedIndexError, InputError
from rarefy.index.distributed.deal import Deal
from rarefy.index.distributed.storage import Storage

__all__ = [
    "FORMAT",
    "KEPT",
    "Commit",
    "ShardEntry",
    "fresh_shard",
    "generations",
    "newest",
    "publish",
    "sweep",
]

FORMAT = 1
KEPT = 3
"""Commits that stay readable. Who reads an older one keeps what it has open, but a replica of it
cannot be made any more."""
NAME = re.compile(r"commit-([1-9][0-9]{0,17})\.json")
SHARD = re.compile(r"shard-[0-9a-f]{16}")


class ShardEntry(NamedTuple):
    """One shard as a commit has it.

    Attributes
    ----------
    name : str
        Its folder.
    generation : int
        Of its manifest.
    checksum : int
        CRC-32 of its manifest.
    files : tuple of str
        Names of the files that it needs, its manifest included.
    fields : dict
        The fields of its metadata and their types.
    """

    name: str
    generation: int
    checksum: int
    files: tuple[str, ...]
    fields: Mapping[str, str]

    @property
    def key(self) -> tuple[str, int, int]:
        """What tells it from all other states of all shards."""
        return self.name, self.generation, self.checksum


class Commit(NamedTuple):
    """One committed state of all shards.

    Attributes
    ----------
    generation : int
        Increases with each commit.
    vocabulary_size : int
    shards : tuple of ShardEntry
    deal : Deal
        Its shards are places in `shards`.
    """

    generation: int
    vocabulary_size: int
    shards: tuple[ShardEntry, ...]
    deal: Deal

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the metadata and their types."""
        return {name: kind for shard in self.shards for name, kind in shard.fields.items()}

    @property
    def sizes(self) -> dict[str, int]:
        """How many documents each shard has, by its name."""
        return {each.name: self.deal.documents(at) for at, each in enumerate(self.shards)}

    @property
    def files(self) -> set[str]:
        """Names of all files that it needs, in their folders."""
        return {f"{shard.name}/{file}" for shard in self.shards for file in shard.files}


def fresh_shard() -> str:
    """Return a name for a shard that was never used."""
    return f"shard-{secrets.token_hex(8)}"


def generations(storage: Storage) -> list[int]:
    """Return the generations of the commits that a storage holds, the newest first."""
    found = map(NAME.fullmatch, storage.names())
    return sorted((int(match[1]) for match in found if match), reverse=True)


def newest(storage: Storage) -> Commit:
    """Read the newest commit.

    Raises
    ------
    InputError
        If there is none, or it is of another format.
    DamagedIndexError
        If it is not what was written.
    """
    gone = 0
    while True:
        found = generations(storage)
        if not found:
            raise InputError(
                f"{storage} holds no distributed index (commit-<generation>.json is missing): make "
                f"one with DistributedIndex.build or DistributedWriter"
            )
        try:
            return read(storage, found[0])
        except FileNotFoundError as error:
            if found[0] == gone:
                raise DamagedIndexError(
                    f"{storage}/{_name(gone)} is listed and cannot be read: remove or restore it"
                ) from error
            gone = found[0]  # replaced since it was listed, by a newer one


def read(storage: Storage, generation: int) -> Commit:
    """Read one commit.

    Raises
    ------
    InputError
        If it is of another format.
    DamagedIndexError
        If it is not what was written.
    FileNotFoundError
        If it is not there.
    """
    where = f"{storage}/{_name(generation)}"
    content = storage.read(_name(generation))
    body = content[:-9]
    if content[-9:] != _trailer(body):
        raise DamagedIndexError(f"{where} is not what was written (CRC-32 differs): restore it")
    table = json.loads(body)
    if table["format"] != FORMAT:
        raise InputError(
            f"{where} has format {table['format']!r}, this release reads {FORMAT}: upgrade rarefy"
        )
    shards = tuple(
        ShardEntry(**{**shard, "files": tuple(shard["files"])}) for shard in table["shards"]
    )
    deal = Deal(*table["deal"])
    return Commit(table["generation"], table["vocabulary_size"], shards, deal)


def publish(storage: Storage, commit: Commit) -> None:
    """Make a commit the newest, in one step; all files that it names must be stored.

    When this fails, the storage holds the commit of before or this one.
    """
    table = {
        "format": FORMAT,
        "generation": commit.generation,
        "vocabulary_size": commit.vocabulary_size,
        "shards": [{**shard._asdict(), "fields": dict(shard.fields)} for shard in commit.shards],
        "deal": [commit.deal.shards.tolist(), commit.deal.counts.tolist()],
    }
    body = json.dumps(table).encode()
    storage.write(_name(commit.generation), body + _trailer(body))


def sweep(storage: Storage) -> None:
    """Remove what none of the last `KEPT` commits needs.

    What cannot be removed is left for the next time.

    Parameters
    ----------
    storage
        What is written by the caller alone.
    """
    with suppress(OSError, InputError):
        found = generations(storage)
        needed = set[str]().union(*(read(storage, each).files for each in found[:KEPT]))
        for generation in found[KEPT:]:
            storage.remove(_name(generation))
        for shard in storage.names():
            if SHARD.fullmatch(shard):
                for file in storage.names(shard):
                    if f"{shard}/{file}" not in needed:
                        storage.remove(f"{shard}/{file}")


def _name(generation: int) -> str:
    return f"commit-{generation}.json"


def _trailer(body: bytes) -> bytes:
    return b"\n%08x" % zlib.crc32(body)
