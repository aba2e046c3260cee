"""Which files make up the index: one small file that is replaced in one step.

A folder holds ``manifest-<generation>.json`` and the files that it names. Files are written once,
under names that never come again. A commit writes and syncs new files, then a new manifest under a
temporary name, then renames it: whoever opens the folder finds the index of before or of after.

A manifest is JSON and, in a line of its own, the CRC-32 of the JSON.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rarefy.errors import DamagedIndexError, InputError
from rarefy.index.storage.container import FORMAT, FileEntry
from rarefy.index.storage.files import Files
from rarefy.index.storage.lock import LOCK
from rarefy.index.vectors import MAX_COLUMNS, MAX_ROWS

__all__ = [
    "MANIFEST",
    "Manifest",
    "SegmentEntry",
    "check_target",
    "copying_time",
    "fresh_name",
    "generations",
    "publish",
    "read_manifest",
    "read_newest",
    "sweep",
]

MANIFEST = re.compile(r"manifest-([1-9][0-9]{0,17})\.json")
"""What the names of manifests are."""
OWN = re.compile(r"(?:segment|deletions)-[0-9a-f]{16}\.rarefy|manifest-[0-9a-f]{16}\.new")
COPY_SECONDS, COPY_SPEED = 10.0, 50 * 2**20
"""What a copy of a folder may take: seconds at least, and bytes a second beyond."""
OLDER = "index.json"
"""What folders of format 3 and below hold."""


class SegmentEntry(NamedTuple):
    """A segment, and which of its rows are deleted.

    Attributes
    ----------
    file : FileEntry
    documents : int
        Rows, with those that are deleted.
    deletions : FileEntry or None
        None if no row is.
    deleted : int
        Rows that are.
    """

    file: FileEntry
    documents: int
    deletions: FileEntry | None = None
    deleted: int = 0


class Manifest(NamedTuple):
    """One committed state of an index.

    Attributes
    ----------
    generation : int
        Increases with each commit.
    vocabulary_size : int
    segments : tuple of SegmentEntry
        In the order of their rows.
    """

    generation: int
    vocabulary_size: int
    segments: tuple[SegmentEntry, ...]

    @property
    def files(self) -> set[str]:
        """Names of the files that it needs."""
        entries = [entry for s in self.segments for entry in (s.file, s.deletions) if entry]
        return {entry.name for entry in entries}


def fresh_name(kind: str) -> str:
    """Return a file name that was never used: of a "segment", or of "deletions"."""
    return f"{kind}-{secrets.token_hex(8)}.rarefy"


def generations(folder: Path) -> list[int]:
    """Return the generations of the manifests in a folder, the newest first.

    Raises
    ------
    InputError
        If there is none.
    """
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        names = []
    found = [int(match[1]) for match in map(MANIFEST.fullmatch, names) if match]
    if not found and OLDER in names:
        raise InputError(
            f"{folder} holds an index of format 3 or older, this release reads {FORMAT}: build the "
            f"index again, in a new folder"
        )
    if not found:
        raise InputError(
            f"{folder} holds no index (manifest-<generation>.json is missing): build one with "
            f"Index.save or `rarefy index`"
        )
    return sorted(found, reverse=True)


def read_newest(folder: Path) -> Manifest:
    """Read the newest manifest of a folder.

    A damaged one is an error, not a reason to read the one before: that would silently lose what
    was committed since.

    Raises
    ------
    InputError
        If there is none, or it is of another format version.
    DamagedIndexError
        If it is not what was written.
    """
    while True:
        generation = generations(folder)[0]
        try:
            return read_manifest(folder, generation)
        except FileNotFoundError:  # replaced since the folder was listed
            continue


def read_manifest(folder: Path, generation: int) -> Manifest:
    """Read one manifest.

    Raises
    ------
    InputError
        If it is of another format version.
    DamagedIndexError
        If it is not what was written.
    FileNotFoundError
        If it is not there.
    """
    path = folder / _name(generation)
    content = path.read_bytes()
    body = content[:-9]
    remedy = "restore it, or go back to the commit before with `rarefy verify --repair`"
    if content[-9:] != _trailer(body):
        raise DamagedIndexError(f"{path} is not what was written (CRC-32 differs): {remedy}")
    try:
        table = json.loads(body)
        version = table["format"]
        if version != FORMAT:
            raise InputError(
                f"{folder} has format {version!r}, this release reads {FORMAT}: upgrade rarefy, "
                f"or build the index again"
            )
        segments = tuple(
            SegmentEntry(
                FileEntry(**entry["file"]),
                entry["documents"],
                FileEntry(**entry["deletions"]) if entry["deletions"] is not None else None,
                entry["deleted"],
            )
            for entry in table["segments"]
        )
        manifest = Manifest(table["generation"], table["vocabulary_size"], segments)
        problem = _fault(manifest)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise DamagedIndexError(f"{path} is malformed ({error!r}): {remedy}") from error
    if problem or manifest.generation != generation:
        problem = problem or f"it says that its generation is {manifest.generation}"
        raise DamagedIndexError(f"{path}: {problem}: {remedy}")
    return manifest


def publish(files: Files, folder: Path, manifest: Manifest, before: Manifest | None = None) -> None:
    """Make a manifest the newest of its folder, in one step.

    All files that it names must be synced. Those that the commit before did not need, where it is
    given, may have been written long ago: their times are set, by which `sweep` goes. When this
    returns, the commit survives a loss of power; when it fails, the folder holds the commit of
    before or this one, and both are whole.
    """
    table = {
        "format": FORMAT,
        "generation": manifest.generation,
        "vocabulary_size": manifest.vocabulary_size,
        "segments": [
            {
                "file": entry.file._asdict(),
                "documents": entry.documents,
                "deletions": entry.deletions and entry.deletions._asdict(),
                "deleted": entry.deleted,
            }
            for entry in manifest.segments
        ],
    }
    body = json.dumps(table).encode()
    for name in set() if before is None else manifest.files - before.files:
        with suppress(OSError):
            files.touch(folder / name)
    temporary = folder / f"manifest-{secrets.token_hex(8)}.new"
    with files.writing(temporary) as write:
        write(body + _trailer(body))
    try:
        files.sync_folder(folder)  # the names of the files that the manifest needs
        files.rename(temporary, folder / _name(manifest.generation))
    except BaseException:
        with suppress(OSError):
            files.unlink(temporary)
        raise
    files.sync_folder(folder)


def sweep(
    files: Files,
    folder: Path,
    kept: Iterable[Manifest],
    spared: Iterable[str] = (),
    *,
    at_once: bool = False,
) -> None:
    """Remove the files of commits that are not kept, and of those that came to nothing.

    Who copies the folder lists it first, and reads the files of that moment's commit one after the
    other. So the commit that was the newest `copying_time` ago stays too, and every file written
    since. Manifests go before what they name. Files that an index does not write are left alone.
    What cannot be removed is left for the next time: nothing depends on it.

    Parameters
    ----------
    files, folder
        What removes, and where.
    kept
        The commits that must stay whole.
    spared
        Names of files that no commit needs yet.
    at_once
        Keep nothing else: nobody copies the folder.
    """
    kept = list(kept)
    needed = set(spared).union(*({_name(each.generation)} | each.files for each in kept))
    since = np.inf if at_once else time.time() - copying_time(kept)
    old = []
    for name in sorted(os.listdir(folder), key=lambda name: (not MANIFEST.fullmatch(name), name)):
        if _is_own(name):
            with suppress(FileNotFoundError):
                old += [name] if os.stat(folder / name).st_mtime < since else []
    copied = max((int(match[1]) for match in map(MANIFEST.fullmatch, old) if match), default=0)
    if copied and not at_once and _name(copied) not in needed:
        with suppress(InputError, OSError):
            needed |= {_name(copied)} | read_manifest(folder, copied).files
    for name in old:
        if name not in needed:
            with suppress(OSError):
                files.unlink(folder / name)


def copying_time(kept: Sequence[Manifest]) -> float:
    """Return how many seconds the folder of a commit may take to be copied."""
    sizes = [sum(entry.file.bytes for entry in manifest.segments) for manifest in kept]
    return COPY_SECONDS + max(sizes, default=0) / COPY_SPEED


def check_target(folder: Path) -> None:
    """Refuse a folder that an index cannot be saved to.

    Raises
    ------
    InputError
        If it is a file, or holds other things than an index of this format.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: name a new folder, or one that holds an index")
    names = [entry.name for entry in folder.iterdir()] if folder.exists() else []
    if any(MANIFEST.fullmatch(name) for name in names):
        return
    if OLDER in names:
        raise InputError(
            f"{folder} holds an index of format 3 or older: remove it, or name a new folder"
        )
    if not all(name == LOCK or _is_own(name) for name in names):
        raise InputError(
            f"{folder} exists and holds no index (manifest-<generation>.json is missing): name a "
            f"new folder, or one that holds an index"
        )


def _name(generation: int) -> str:
    return f"manifest-{generation}.json"


def _is_own(name: str) -> bool:
    return bool(OWN.fullmatch(name) or MANIFEST.fullmatch(name))


def _trailer(body: bytes) -> bytes:
    return b"\n%08x" % zlib.crc32(body)


def _fault(manifest: Manifest) -> str | None:
    """Say which value cannot be, or return None."""

    def natural(value: Any, most: int = 2**62) -> bool:
        return type(value) is int and 0 <= value <= most

    def of_kind(entry: FileEntry, kind: str) -> bool:
        return (
            isinstance(entry.name, str)
            and bool(OWN.fullmatch(entry.name))
            and entry.name.startswith(kind)
            and natural(entry.bytes)
            and natural(entry.checksum, 2**32 - 1)
        )

    if not natural(manifest.vocabulary_size, MAX_COLUMNS):
        return f"the vocabulary size is {manifest.vocabulary_size!r}"
    for entry in manifest.segments:
        if not of_kind(entry.file, "segment"):
            return f"a segment is {entry.file!r}"
        if entry.deletions is not None and not of_kind(entry.deletions, "deletions"):
            return f"deletions are {entry.deletions!r}"
        if not natural(entry.documents, MAX_ROWS) or not natural(entry.deleted, entry.documents):
            return f"{entry.deleted!r} of {entry.documents!r} documents are deleted"
        if (entry.deleted > 0) != (entry.deletions is not None):
            return f"{entry.deleted} documents are deleted, and deletions are {entry.deletions}"
    rows = sum(entry.documents for entry in manifest.segments)
    if rows > MAX_ROWS:
        return f"the segments have {rows} documents, at most {MAX_ROWS} fit in one index"
    names = [entry.file.name for entry in manifest.segments]
    if len(set(names)) < len(names):
        return "a segment occurs twice"
    return None
