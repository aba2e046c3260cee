"""Encoded slices on disk: vectors, ids and fields, each a file that is whole or not there."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rarefy.index.metadata import Metadata
from rarefy.index.storage.container import Container, write_container
from rarefy.index.storage.files import Files
from rarefy.index.storage.ids import Ids
from rarefy.index.vectors import Vectors

__all__ = ["Encoded", "read_encoded", "write_encoded"]

METADATA = "metadata"


class Encoded(NamedTuple):
    """A slice's documents as an index takes them.

    Attributes
    ----------
    vectors : Vectors
    ids : Ids
    metadata : Metadata or None
    """

    vectors: Vectors
    ids: Ids
    metadata: Metadata | None


def write_encoded(path: Path, encoded: Encoded) -> None:
    """Write a slice in one step, in the place of one that may be there; it survives a power cut."""
    vectors, ids, metadata = encoded
    hashes, rows = ids.by_hash
    arrays: dict[str, npt.NDArray[Any]] = {
        "indptr": vectors.indptr,
        "columns": vectors.columns,
        "weights": vectors.weights,
        "ids": ids.blob,
        "id_ends": ids.ends,
        "id_hashes": hashes,
        "id_rows": rows,
    }
    if metadata is not None:
        arrays[METADATA] = metadata.to_bytes()
    files, partial = Files(), path.with_name(f"{secrets.token_hex(8)}.partial")
    write_container(files, partial, arrays, {"width": vectors.width})
    files.rename(partial, path)
    files.sync_folder(path.parent)


def read_encoded(path: Path) -> Encoded:
    """Read a slice, memory-mapped.

    Raises
    ------
    DamagedIndexError
        If it is not what was written.
    """
    container = Container(path)
    container.verify()
    of = container.sections
    vectors = Vectors(of["indptr"], of["columns"], of["weights"], container.attributes["width"])
    ids = Ids(of["ids"], of["id_ends"], (of["id_hashes"], of["id_rows"]))
    metadata = None
    if METADATA in of:
        metadata = Metadata.from_bytes(np.asarray(of[METADATA]), len(ids))
    return Encoded(vectors, ids, metadata)
