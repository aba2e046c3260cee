"""States of a shard, from a storage to a folder of this machine's and back."""

from __future__ import annotations

import zlib
from pathlib import Path

from rarefy.errors import DamagedIndexError
from rarefy.index.distributed.commits import ShardEntry
from rarefy.index.distributed.storage import Storage
from rarefy.index.storage.manifest import Manifest, read_manifest, read_newest

__all__ = ["fetch", "store"]


def fetch(storage: Storage, entry: ShardEntry, folder: Path) -> Manifest:
    """Bring a state of a shard into a folder, which may hold others; return its manifest.

    Files that are there already are not read again.

    Raises
    ------
    DamagedIndexError
        If the manifest is not the one that the commit names.
    FileNotFoundError
        If the storage does not have it any more.
    """
    name = f"manifest-{entry.generation}.json"
    storage.fetch(f"{entry.name}/{name}", folder / name)
    if zlib.crc32((folder / name).read_bytes()) != entry.checksum:
        (folder / name).unlink()
        raise DamagedIndexError(
            f"{storage}/{entry.name}/{name} is not the one that the commit names: restore it"
        )
    manifest = read_manifest(folder, entry.generation)
    for file in sorted(manifest.files):
        storage.fetch(f"{entry.name}/{file}", folder / file)
    return manifest


def store(storage: Storage, name: str, folder: Path, fields: dict[str, str]) -> ShardEntry:
    """Keep the newest state of a folder as one of a shard's, its manifest last.

    Parameters
    ----------
    storage, name
        Where, and the shard's name.
    folder
        An index folder.
    fields
        The fields of its metadata and their types.
    """
    manifest = read_newest(folder)
    own = f"manifest-{manifest.generation}.json"
    for file in [*sorted(manifest.files), own]:
        storage.store(folder / file, f"{name}/{file}")
    checksum = zlib.crc32((folder / own).read_bytes())
    files = (*sorted(manifest.files), own)
    return ShardEntry(name, manifest.generation, checksum, files, fields)
