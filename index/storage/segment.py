"""One immutable index in a folder.

    index.json     format version, sizes, and for each file below its length and CRC-32
    <array>.npy    each array of the layout, as numpy writes it
    ids.npy        ids in UTF-8, one after the other: uint8[bytes]
    id_ends.npy    where each id ends: int64[n]

A folder is written under another name and then renamed, so that a reader sees all of it or nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rarefy.errors import DamagedIndexError, InputError
from rarefy.index.layout import Layout
from rarefy.index.planner import Calibration, Plan
from rarefy.index.storage.structure import fault

__all__ = ["FORMAT", "MANIFEST", "Segment", "read_segment", "write_segment"]

FORMAT = 3
MANIFEST = "index.json"
CHUNK = 1 << 20
BLOCK_SIZES = (1, 2, 4)


class Segment(NamedTuple):
    """What an index folder holds."""

    layout: Layout
    ids: list[str]
    vocabulary_size: int
    block_size: int
    table: list[Calibration]


def write_segment(
    folder: Path,
    layout: Layout,
    ids: list[str],
    *,
    vocabulary_size: int,
    block_size: int,
    table: Sequence[Calibration],
) -> None:
    """Write an index folder, atomically; an index that is there already is replaced."""
    folder = folder.resolve()
    if folder.exists() and not (folder / MANIFEST).is_file():
        if not folder.is_dir():
            raise InputError(f"{folder} is a file: name a new folder, or one that holds an index")
        if any(folder.iterdir()):
            raise InputError(
                f"{folder} exists and holds no index ({MANIFEST} is missing): "
                f"name a new folder, or one that holds an index"
            )
    encoded = [name.encode("utf-8", "surrogatepass") for name in ids]
    arrays: dict[str, npt.NDArray[Any]] = dict(layout._asdict())
    arrays["ids"] = np.frombuffer(b"".join(encoded), np.uint8)
    arrays["id_ends"] = np.cumsum([len(name) for name in encoded], dtype=np.int64)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        files = {}
        for name, array in arrays.items():
            path = fresh / f"{name}.npy"
            with open(path, "wb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
            files[path.name] = {"bytes": path.stat().st_size, "crc32": _crc32(path)}
        manifest = {
            "format": FORMAT,
            "documents": len(ids),
            "vocabulary_size": vocabulary_size,
            "block_size": block_size,
            "compact": layout.compact,
            "calibration": [[*entry[:3], *entry.plan] for entry in table],
            "files": files,
        }
        with open(fresh / MANIFEST, "w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(0o755)
        _replace(folder, fresh)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _replace(folder: Path, fresh: Path) -> None:
    """Rename fresh to folder, moving what is there out of the way."""
    if not folder.exists():
        os.replace(fresh, folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        os.replace(folder, old)
    except OSError:
        old.rmdir()
        raise
    try:
        os.replace(fresh, folder)
    except OSError:
        os.replace(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def read_segment(folder: Path, *, verify: bool) -> Segment:
    """Read an index folder; arrays are memory-mapped and writes to them stay private.

    Raises
    ------
    InputError
        If the folder holds no index, or one of a newer format.
    DamagedIndexError
        If a file is missing, has another length, or with `verify` other bytes than were written,
        or the arrays do not fit together.
    """
    manifest = _read_manifest(folder)
    arrays = {}
    for name in [*Layout._fields, "ids", "id_ends"]:
        path = folder / f"{name}.npy"
        written = manifest["files"].get(path.name)
        if written is None or not path.is_file():
            raise DamagedIndexError(f"{path} is missing: restore the folder or build it again")
        if path.stat().st_size != written["bytes"]:
            raise DamagedIndexError(
                f"{path} has {path.stat().st_size} bytes, {written['bytes']} were written: "
                f"restore the folder or build it again"
            )
        if verify and _crc32(path) != written["crc32"]:
            raise DamagedIndexError(
                f"{path} is not what was written (CRC-32 differs): "
                f"restore the folder or build it again"
            )
        try:
            # Copy-on-write maps are of the writable array type that the kernels are compiled for.
            mapped = np.load(path, mmap_mode="c", allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise DamagedIndexError(f"{path} is no array: {error}") from error
        arrays[name] = np.asarray(mapped)
    ids, ends = arrays.pop("ids"), arrays.pop("id_ends")
    layout = Layout(**arrays)
    problem = fault(layout, manifest, ids, ends, thorough=verify)
    if problem:
        raise DamagedIndexError(f"{folder}: {problem}: restore the folder or build it again")
    blob = ids.tobytes()
    starts = [0, *ends.tolist()]
    try:
        names = [
            blob[start:end].decode("utf-8", "surrogatepass")
            for start, end in zip(starts, ends.tolist(), strict=False)
        ]
    except UnicodeDecodeError as error:
        raise DamagedIndexError(f"{folder}: an id is not UTF-8: {error}") from error
    return Segment(
        layout,
        names,
        manifest["vocabulary_size"],
        manifest["block_size"],
        [
            Calibration(k, terms, recall, Plan(*settings))
            for k, terms, recall, *settings in manifest["calibration"]
        ],
    )


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{folder} holds no index ({MANIFEST} is missing): build one with Index.save or "
            f"`rarefy index`"
        ) from None
    except UnicodeDecodeError as error:
        raise DamagedIndexError(f"{path} is not UTF-8: {error}") from error
    try:
        manifest: dict[str, Any] = json.loads(text)
        version = manifest["format"]
        sizes = [manifest["documents"], manifest["vocabulary_size"], manifest["block_size"]]
        whole = all(isinstance(size, int) and size >= 0 for size in sizes)
        whole = (
            whole
            and manifest["block_size"] in BLOCK_SIZES
            and isinstance(manifest["compact"], bool)
        )
        for entry in manifest["calibration"]:
            k, terms, recall, mass, looked_at, champions = entry
            whole = whole and all(
                isinstance(size, int) and 0 <= size < 2**62 for size in (k, terms, looked_at)
            )
            whole = whole and isinstance(champions, bool)
            whole = whole and all(isinstance(share, int | float) for share in (recall, mass))
            whole = whole and 0 < float(recall) <= 1 and 0 < float(mass) <= 1
        for entry in manifest["files"].values():
            whole = whole and isinstance(entry["bytes"], int) and isinstance(entry["crc32"], int)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DamagedIndexError(f"{path} is not what was written: {error!r}") from error
    if version != FORMAT:
        raise InputError(
            f"{folder} has format {version!r}, this release reads {FORMAT}: "
            f"upgrade rarefy, or build the index again"
        )
    if not whole:
        raise DamagedIndexError(f"{path} is not what was written: a size is not a natural number")
    return manifest


def _crc32(path: Path) -> int:
    value = 0
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            value = zlib.crc32(chunk, value)
    return value
