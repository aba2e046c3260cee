"""Whatever bytes come with checksums that fit: a clear error, or something that can be searched.

Each target takes bytes that a fuzzer makes, and fails by any exception or signal.
"""

from __future__ import annotations

import atexit
import json
import struct
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import numpy as np

from proofs.clock import QUERIES, record, vectors, weights
from proofs.memory import memory_folder
from rarefy.errors import InputError
from rarefy.index import Index
from rarefy.index.grammar import parse
from rarefy.index.metadata import Metadata
from rarefy.index.selection import selected
from rarefy.index.storage.check import verify
from rarefy.index.storage.container import FOOTER, HEADER, Container, write_container
from rarefy.index.storage.files import Files
from rarefy.index.storage.manifest import Manifest, SegmentEntry, publish, read_newest

__all__ = ["TARGETS", "seeds"]

DOCUMENTS = 40
EDIT = struct.Struct("<BBHI")
"""An edit of an array: which, of how many bytes, where, and the value."""


class Memory(Files):
    """Writes files in one go, and does not wait for the disk."""

    def __init__(self) -> None:
        self.held: dict[int, bytearray] = {}

    def create(self, path):
        file = super().create(path)
        self.held[file] = bytearray()
        return file

    def write(self, file, data):
        self.held[file] += data

    def sync(self, file):
        super().write(file, bytes(self.held.pop(file)))

    def sync_folder(self, folder):
        pass


@cache
def sound() -> Path:
    """Return the folder of a small index."""
    folder = home() / "sound"
    documents = vectors(*map(weights, range(DOCUMENTS)))
    Index.build(documents, metadata=list(map(record, range(DOCUMENTS)))).save(folder)
    return folder


@cache
def home() -> Path:
    """Return a folder to write to, in memory where there is one."""
    made = ExitStack()
    folder = made.enter_context(memory_folder())
    atexit.register(made.close)
    (folder / "index").mkdir()
    return folder


def manifest(data: bytes) -> bool:
    """Read a manifest of this JSON."""
    (home() / "manifest-1.json").write_bytes(data + b"\n%08x" % zlib.crc32(data))
    try:
        read_newest(home())
    except InputError:
        return False
    return True


def container(data: bytes) -> bool:
    """Read a file of arrays with this table of contents."""
    content = file_of().read_bytes()
    at = FOOTER.unpack(content[-FOOTER.size :])[0]
    place = struct.pack("<QQI", at, len(data), zlib.crc32(data))
    footer = place + struct.pack("<I8s", zlib.crc32(place), content[-8:])
    path = home() / "container"
    path.write_bytes(content[:at] + data + footer)
    try:
        read = Container(path)
        read.verify()
    except InputError:
        return False
    for array in read.sections.values():
        array.sum()
    return True


def segment(data: bytes) -> bool:
    """Read a segment some values of which are others, and search it if it is not refused."""
    original = Container(file_of())
    sections = dict(original.sections)
    names = list(sections)
    for which, size, at, value in EDIT.iter_unpack(data[: len(data) // EDIT.size * EDIT.size]):
        name = names[which % len(names)]
        array = sections[name].copy()
        flat = array.reshape(-1).view(np.uint8)
        if flat.size:
            start = at % flat.size
            piece = value.to_bytes(4, "little")[: size % 4 + 1][: flat.size - start]
            flat[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
        sections[name] = array
    folder, files = home() / "index", Memory()
    path = folder / "segment-0123456789abcdef.rarefy"
    path.unlink(missing_ok=True)
    file = write_container(files, path, sections, original.attributes)
    entry = SegmentEntry(file, DOCUMENTS)
    publish(files, folder, Manifest(1, QUERIES.shape[1], (entry,)))
    try:
        index = Index.open(folder)
        hits = index.search(QUERIES, k=DOCUMENTS + 1)
        index.search(QUERIES, k=3, recall=0.5)
        index.search(QUERIES, k=3, filter="seed > 3 or lang == 'de'")
        verify(folder)
        if hits.ids[1, 0] is not None:
            index.explain(QUERIES[[1]], hits.ids[1, 0])
    except InputError:
        return False
    return True


def filter(data: bytes) -> bool:
    """Parse a filter, write it, parse it again, and select by it."""
    text = data.decode("utf-8", "replace")
    try:
        condition = parse(text)
    except InputError:
        return False
    assert repr(parse(str(condition))) == repr(condition)
    try:
        assert selected(condition, fields()).shape == (DOCUMENTS,)
    except InputError:
        return False
    return True


def file_of() -> Path:
    """Return the one segment of the small index."""
    return next(sound().glob("segment-*"))


@cache
def fields() -> Metadata:
    """Return metadata of the names and types that filters of the seeds ask for."""
    rows = range(DOCUMENTS)
    return Metadata.of(
        {
            "seed": list(rows),
            "year": [row / 2 for row in rows],
            "lang": [record(row)["lang"] for row in rows],
            "even": [row % 2 == 0 for row in rows],
            "tags": [["a", "b"][: row % 3] for row in rows],
        },
        DOCUMENTS,
    )


TARGETS: dict[str, Callable[[bytes], bool]] = {
    "container": container,
    "filter": filter,
    "manifest": manifest,
    "segment": segment,
}


def seeds(target: str) -> list[bytes]:
    """Return inputs of a target that are sound."""
    if target == "manifest":
        content = next(sound().glob("manifest-*")).read_bytes()[:-9]
        return [content, json.dumps(json.loads(content) | {"segments": []}).encode()]
    if target == "container":
        content = file_of().read_bytes()
        at, length, *_ = FOOTER.unpack(content[-FOOTER.size :])
        assert at > HEADER.size
        return [content[at : at + length]]
    if target == "segment":
        edits = [EDIT.pack(i, 3, 0, 1) for i in range(len(Container(file_of()).sections))]
        return [b"", *edits]
    texts = [
        "seed >= 20 and lang in ('en', 'de')",
        "not (year < 2.5e0 or even) and 'a' in tags",
        "lang is not null or tags is null and 'it''s' not in tags",
        'year != -3 and lang == "fr" or even == false',
    ]
    return [text.encode() for text in texts]
