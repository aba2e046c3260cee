"""What a build is: written down once it is planned, so that any process can go on with it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from rarefy.errors import InputError
from rarefy.index.distributed.storage import Storage, storage_at
from rarefy.index.storage.files import Files
from rarefy.offline.batch import Slice

__all__ = ["Job", "Piece", "opened", "write"]

RECORD = "job.json"


class Piece(NamedTuple):
    """Neighbouring documents that become one segment.

    Attributes
    ----------
    name : str
        Of its file in the index, without the suffix, or of its folder in a distributed one.
    start, end : int
        Its documents, as rows of the whole.
    """

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class Job:
    """A build that is planned.

    Parameters
    ----------
    home
        The folder in which it keeps what is done.
    out
        What `rarefy.index.distributed.storage.storage_at` takes: where the index goes.
    settings
        What decides the bytes of the index beside the source and the model.
    sums
        See `Source.sums`.
    fingerprint
        The model's, or that of the vectors' columns.
    slices
        All that have documents.
    documents
        How many each has.
    types
        The type of each field.
    """

    home: str
    out: str
    settings: Mapping[str, Any]
    sums: Mapping[str, list[int | str]]
    fingerprint: str
    slices: tuple[Slice, ...]
    documents: tuple[int, ...]
    types: Mapping[str, str]

    @classmethod
    def at(cls, home: Path) -> Self | None:
        """Read what is written down in a folder, None if there is nothing."""
        try:
            table = json.loads((home / RECORD).read_bytes())
        except FileNotFoundError:
            return None
        slices = tuple(Slice(*each) for each in table.pop("slices"))
        documents = tuple(table.pop("documents"))
        return cls(home=str(home), slices=slices, documents=documents, **table)

    def save(self) -> None:
        """Write it down, in one step."""
        table = asdict(self)
        del table["home"]
        write(Path(self.home, RECORD), json.dumps(table).encode())

    def clear(self) -> None:
        """Remove pieces that an earlier build has left, whose bytes may be others."""
        for name in [piece.name for piece in self.pieces]:
            files = [f"{name}/{file}" for file in self.storage.names(name)]
            for file in files if self.sharded else [f"{name}.rarefy"]:
                self.storage.remove(file)

    def check(
        self,
        out: str,
        files: Sequence[Path],
        settings: Mapping[str, Any],
        sums: Mapping[str, list[int | str]],
    ) -> None:
        """Refuse to go on with another build than this.

        Parameters
        ----------
        out, settings, sums
            As `Job` has them.
        files
            What slices are read from.

        Raises
        ------
        InputError
            If the output, a setting or a file of the source is another, or elsewhere.
        """
        remedy = f"go on with what it began with, or remove {self.home} to begin again"
        if out != self.out:
            raise InputError(f"out is {out}, the build began with {self.out}: {remedy}")
        if elsewhere := {each.path for each in self.slices} - set(map(str, files)):
            raise InputError(
                f"the source is {', '.join(map(str, files))[:400]}, the build began with "
                f"{min(elsewhere)}: {remedy}"
            )
        for name, value in settings.items():
            if value != self.settings.get(name):
                began = self.settings.get(name)
                raise InputError(f"{name} is {value!r}, the build began with {began!r}: {remedy}")
        for name in sorted({*sums, *self.sums}):
            if sums.get(name) != self.sums.get(name):
                now, then = (each.get(name, ["no", ""]) for each in (sums, self.sums))
                raise InputError(
                    f"the file {name} of the source has changed: {now[0]} bytes and the checksum "
                    f"{now[1]!r}, the build began with {then[0]} and {then[1]!r}: {remedy}"
                )

    @cached_property
    def key(self) -> str:
        """What tells it from all builds that end with other bytes."""
        parts = [self.settings, sorted(self.sums.items()), self.fingerprint]
        return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()

    @cached_property
    def storage(self) -> Storage:
        """Where the index goes."""
        return storage_at(self.out)

    @property
    def sharded(self) -> bool:
        """Whether a distributed index is made."""
        return self.settings["shards"] is not None

    @cached_property
    def ends(self) -> list[int]:
        """Of each slice the row after its last, a zero before them."""
        return [0, *np.cumsum(self.documents, dtype=np.int64).tolist()]

    @cached_property
    def pieces(self) -> list[Piece]:
        """The segments, or the shards, of which each is one segment."""
        n, most = self.ends[-1], self.settings["segment_documents"]
        count = self.settings["shards"] or -(-n // most)
        bounds = np.linspace(0, n, count + 1).astype(np.int64).tolist()
        kind = "shard" if self.sharded else "segment"
        return [
            Piece(f"{kind}-{self._digest(number)}", start, end)
            for number, (start, end) in enumerate(pairwise(bounds))
        ]

    def encoded(self, number: int) -> Path:
        """Return the file of an encoded slice."""
        return Path(self.home, f"slice-{number:07}.rarefy")

    def made(self, number: int) -> Path:
        """Return the file that says what a piece has become."""
        return Path(self.home, f"piece-{number:05}.json")

    @property
    def origin(self) -> Path:
        """The folder of what made the vectors, see `rarefy.origin`."""
        return Path(self.home, "origin")

    def _digest(self, number: int) -> str:
        return blake2b(f"{self.key} {number}".encode(), digest_size=8).hexdigest()


@lru_cache(maxsize=1)
def opened(home: str, key: str) -> Job:
    """Read a job in a process that works for it, once."""
    job = Job.at(Path(home))
    if job is None or job.key != key:
        raise InputError(f"{home} is not of the build that asks for it: do all nodes see it?")
    return job


def write(path: Path, content: bytes) -> None:
    """Write a small file in one step; it survives a loss of power."""
    files, partial = Files(), path.with_name(f"{secrets.token_hex(8)}.partial")
    with files.writing(partial) as append:
        append(content)
    files.rename(partial, path)
    files.sync_folder(path.parent)
