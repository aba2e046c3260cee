"""One file of named arrays: written front to back, read by one memory map.

    header     64 bytes: magic, format version, byte order
    sections   each at a multiple of 64 bytes, little-endian, in C order; zeros between them
    contents   JSON, at a multiple of 64 bytes: attributes; of each section its name, dtype, shape,
               offset and the CRC-32 of each MiB
    footer     32 bytes: where the contents start, their length, their CRC-32, the CRC-32 of these
               three, magic

Every byte is either covered by a checksum or must have one known value. The CRC-32 of the contents
stands for the whole file: whoever keeps it can tell the file from any other.
"""

from __future__ import annotations

import json
import math
import mmap
import struct
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rarefy.errors import DamagedIndexError, InputError
from rarefy.index.storage.files import Files

__all__ = ["CHUNK", "FORMAT", "Container", "FileEntry", "write_container"]

Array = npt.NDArray[Any]

FORMAT = 4
"""The version of everything in an index folder."""
CHUNK = 1 << 20
"""Bytes that one checksum covers, at most."""
ALIGNMENT = 64
MAGIC, END = b"rarefy\r\n", b"\nrarefy\x1a"
HEADER = struct.Struct("<8sII48x")
FOOTER = struct.Struct("<QQII8s")
LITTLE = 0x01020304
DTYPES = ("|u1", "<u2", "<u4", "<u8", "<i4", "<i8", "<f4", "<f8")


class FileEntry(NamedTuple):
    """A file that a manifest names.

    Attributes
    ----------
    name : str
        In the folder of the index.
    bytes : int
        Its length.
    checksum : int
        CRC-32 of its contents' table.
    """

    name: str
    bytes: int
    checksum: int


class Section(NamedTuple):
    """Where an array lies in the file, and the CRC-32 of each MiB of it."""

    dtype: str
    shape: tuple[int, ...]
    offset: int
    checksums: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * int(self.dtype[-1])


def write_container(
    files: Files, path: Path, sections: Mapping[str, Array], attributes: Mapping[str, Any]
) -> FileEntry:
    """Write a file of arrays, synced; its name is the caller's to sync.

    Parameters
    ----------
    files
        What writes.
    path
        A file that is not there yet.
    sections
        Arrays of numbers by name, in the order in which they are written.
    attributes
        What else the file says; JSON.
    """
    listed = []
    with files.writing(path) as write:
        write(HEADER.pack(MAGIC, FORMAT, LITTLE))
        at = HEADER.size
        for name, array in sections.items():
            stored = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            data = stored.reshape(-1).view(np.uint8).data
            checksums = []
            for start in range(0, len(data), CHUNK):
                chunk = data[start : start + CHUNK]
                checksums.append(zlib.crc32(chunk))
                write(chunk)
            listed.append([name, stored.dtype.str, list(array.shape), at, checksums])
            end = at + len(data)
            at = _aligned(end)
            write(bytes(at - end))
        contents = json.dumps({"attributes": attributes, "sections": listed}).encode()
        checksum = zlib.crc32(contents)
        place = struct.pack("<QQI", at, len(contents), checksum)
        write(contents)
        write(FOOTER.pack(at, len(contents), checksum, zlib.crc32(place), END))
    return FileEntry(path.name, at + len(contents) + FOOTER.size, checksum)


class Container:
    """A file of arrays, mapped; nothing but the table of contents is read when it is opened.

    Parameters
    ----------
    path
        What `write_container` wrote.
    entry
        Its length and checksum, where they are known: the file must be that one.

    Raises
    ------
    InputError
        If it is of another format version.
    DamagedIndexError
        If it is missing, or its length, header, contents or footer are not what was written.
    """

    def __init__(self, path: Path, entry: FileEntry | None = None) -> None:
        self.path = path
        try:
            with open(path, "rb") as file:
                # Copy-on-write maps give the writable arrays that the kernels are compiled for.
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except FileNotFoundError:
            raise self.damaged(
                "it is missing (if the folder was copied while it was written, copy what "
                "Index.snapshot makes instead)"
            ) from None
        except ValueError:
            raise self.damaged("it is empty") from None
        if entry is not None and len(self._map) != entry.bytes:
            raise self.damaged(f"it has {len(self._map)} bytes, {entry.bytes} were written")
        contents, self.checksum = self._read_contents()
        if entry is not None and self.checksum != entry.checksum:
            raise self.damaged("it is another file than the one that the manifest names")
        try:
            table = json.loads(contents)
            self.attributes: dict[str, Any] = dict(table["attributes"])
            self._sections = {
                name: Section(dtype, tuple(shape), offset, tuple(checksums))
                for name, dtype, shape, offset, checksums in table["sections"]
            }
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self.damaged(f"its contents are malformed: {error!r}") from error
        self._check_sections(len(table["sections"]))
        self.sections: dict[str, Array] = {
            name: np.ndarray(section.shape, section.dtype, self._map, section.offset)
            for name, section in self._sections.items()
        }
        """Views of the map, by name."""

    def damaged(self, what: str) -> DamagedIndexError:
        """Return the error that says what is wrong with this file."""
        return DamagedIndexError(
            f"{self.path}: {what}: restore the file, build the index again, or drop what is lost "
            f"with `rarefy verify --repair`"
        )

    def verify(self, without: Collection[str] = ()) -> None:
        """Read every byte and compare it with what was written.

        Parameters
        ----------
        without
            Sections that are passed over.

        Raises
        ------
        DamagedIndexError
            If a byte differs; it names the section and the chunk.
        """
        data = memoryview(self._map)
        for name, section in self._sections.items():
            end = section.offset + section.nbytes
            for i, expected in enumerate(() if name in without else section.checksums):
                start = section.offset + i * CHUNK
                if zlib.crc32(data[start : min(start + CHUNK, end)]) != expected:
                    raise self.damaged(
                        f"section {name!r} is not what was written: the CRC-32 of its bytes from "
                        f"{i * CHUNK} on differs"
                    )
            if any(data[end : _aligned(end)]):
                raise self.damaged(f"the bytes after section {name!r} are not zero")

    def _read_contents(self) -> tuple[bytes, int]:
        """Return the table of contents and its checksum."""
        size = len(self._map)
        if size < HEADER.size + FOOTER.size:
            raise self.damaged(f"it has {size} bytes, too few for a header and a footer")
        magic, version, order = HEADER.unpack_from(self._map)
        if magic == MAGIC and order == LITTLE and version != FORMAT:
            raise InputError(
                f"{self.path} has format {version}, this release reads {FORMAT}: upgrade rarefy, "
                f"or build the index again"
            )
        if self._map[: HEADER.size] != HEADER.pack(MAGIC, FORMAT, LITTLE):
            raise self.damaged("its header is not that of an index file")
        at, length, checksum, own, end = FOOTER.unpack_from(self._map, size - FOOTER.size)
        if end != END or own != zlib.crc32(struct.pack("<QQI", at, length, checksum)):
            raise self.damaged("its footer is not what was written")
        if at + length + FOOTER.size != size:
            raise self.damaged(f"it has {size} bytes, {at + length + FOOTER.size} were written")
        contents = self._map[at : at + length]
        if zlib.crc32(contents) != checksum:
            raise self.damaged("its contents are not what was written (CRC-32 differs)")
        return contents, checksum

    def _check_sections(self, listed: int) -> None:
        """Refuse contents that do not describe sections one after the other."""
        at = HEADER.size
        for name, section in self._sections.items():
            whole = (
                isinstance(name, str)
                and section.dtype in DTYPES
                and len(section.shape) <= 2
                and all(type(size) is int and 0 <= size < 2**62 for size in section.shape)
                and type(section.offset) is int
                and all(type(checksum) is int for checksum in section.checksums)
            )
            if not whole or section.offset != at:
                raise self.damaged(f"the contents misplace section {name!r}")
            if len(section.checksums) != -(-section.nbytes // CHUNK):
                raise self.damaged(f"section {name!r} has {len(section.checksums)} checksums")
            at = _aligned(at + section.nbytes)
        (end,) = struct.unpack_from("<Q", self._map, len(self._map) - FOOTER.size)
        if at != end or listed != len(self._sections):
            raise self.damaged("the contents do not describe the whole file")


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT
