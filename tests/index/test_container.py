"""A file of arrays is read back as it was, or refused, whatever happened to its bytes."""

from __future__ import annotations

import json
import struct
import zlib

import numpy as np
import pytest

from rarefy.errors import DamagedIndexError, InputError
from rarefy.index.storage.container import CHUNK, FOOTER, Container, write_container
from rarefy.index.storage.files import Files

ARRAYS = {
    "bytes": np.arange(5, dtype=np.uint8),
    "none": np.zeros(0, np.int64),
    "words": np.arange(7, dtype=np.uint32),
    "matrix": np.arange(12, dtype=np.float64).reshape(3, 4),
    "flat": np.zeros((0, 9), np.uint8),
}


@pytest.fixture
def path(tmp_path):
    write_container(Files(), tmp_path / "arrays", ARRAYS, {"documents": 3})
    return tmp_path / "arrays"


def read(path):
    container = Container(path)
    container.verify()
    return container


def test_arrays_come_back_aligned_and_writable(path):
    container = read(path)
    assert container.attributes == {"documents": 3}
    assert list(container.sections) == list(ARRAYS)
    for name, array in ARRAYS.items():
        found = container.sections[name]
        assert found.dtype == array.dtype and found.shape == array.shape
        assert (found == array).all()
        assert found.ctypes.data % 64 == 0
        assert found.flags.writeable and found.flags.c_contiguous
    container.sections["bytes"][0] = 9  # private
    assert read(path).sections["bytes"][0] == 0


def test_other_orders_of_bytes_and_axes_are_written_in_ours(tmp_path):
    given = np.arange(12, dtype=">i8").reshape(3, 4).T
    write_container(Files(), tmp_path / "arrays", {"given": given}, {})
    found = read(tmp_path / "arrays").sections["given"]
    assert (found == given).all() and found.dtype.str == "<i8"


def test_every_changed_byte_is_noticed(path):
    content = bytearray(path.read_bytes())
    for at in range(len(content)):
        for flip in (0xFF, 1 << (at % 8)):
            content[at] ^= flip
            path.write_bytes(content)
            with pytest.raises(InputError):
                read(path)
            content[at] ^= flip
    path.write_bytes(content)
    read(path)


def test_every_other_length_is_noticed_without_reading_all(path):
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(DamagedIndexError):
            Container(path)
    for more in (b"\0", content):
        path.write_bytes(content + more)
        with pytest.raises(DamagedIndexError):
            Container(path)


def test_the_damaged_section_and_chunk_are_named(tmp_path):
    path = tmp_path / "arrays"
    large = np.zeros(3 * CHUNK + 5, np.uint8)
    write_container(Files(), path, {"small": np.zeros(3, np.uint8), "large": large}, {})
    content = bytearray(path.read_bytes())
    content[128 + 2 * CHUNK + 7] = 1
    path.write_bytes(content)
    Container(path)
    with pytest.raises(DamagedIndexError, match=rf"'large'.* from {2 * CHUNK} on"):
        read(path)


def test_it_is_the_file_that_was_written(tmp_path):
    ours = write_container(Files(), tmp_path / "a", {"x": np.zeros(3, np.uint8)}, {})
    write_container(Files(), tmp_path / "b", {"x": np.ones(3, np.uint8)}, {})
    Container(tmp_path / "a", ours)
    with pytest.raises(DamagedIndexError, match="another file"):
        Container(tmp_path / "b", ours)
    with pytest.raises(DamagedIndexError, match="bytes"):
        Container(tmp_path / "a", ours._replace(bytes=7))
    with pytest.raises(DamagedIndexError, match="missing"):
        Container(tmp_path / "c")


def test_another_version_is_named(path):
    content = bytearray(path.read_bytes())
    content[8] = 99
    path.write_bytes(content)
    with pytest.raises(InputError, match="has format 99, this release reads 4: upgrade"):
        Container(path)


def forged(path, contents):
    """Write other contents with checksums that fit, as no accident would."""
    content = path.read_bytes()
    at = FOOTER.unpack(content[-FOOTER.size :])[0]
    footer = struct.pack("<QQI", at, len(contents), zlib.crc32(contents))
    footer += struct.pack("<I8s", zlib.crc32(footer), content[-8:])
    path.write_bytes(content[:at] + contents + footer)


def table(path):
    content = path.read_bytes()
    at, length, *_ = FOOTER.unpack(content[-FOOTER.size :])
    return json.loads(content[at : at + length])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (1, "O"),
        (1, "<f2"),
        (1, 3),
        (1, None),
        (2, [-7]),
        (2, [2**70]),
        (2, [7, 0, 3]),
        (2, [1.5]),
        (2, 7),
        (2, [2**61, 8]),
        (3, 0),
        (3, 8),
        (3, 10**15),
        (3, -64),
        (3, "64"),
        (4, []),
        (4, ["x"]),
        (4, [1, 2, 3]),
        (0, "none"),
        (0, ["list"]),
    ],
)
def test_forged_contents_are_refused(path, field, value):
    contents = table(path)
    contents["sections"][2][field] = value
    forged(path, json.dumps(contents).encode())
    with pytest.raises(DamagedIndexError):
        read(path)


@pytest.mark.parametrize(
    "contents",
    [b"", b"null", b"[]", b"\xff", b"{}", b"[" * 100_000, b'{"attributes": 3, "sections": []}',
     b'{"attributes": {}, "sections": []}', b'{"attributes": {}, "sections": {"a": 1}}',
     b'{"attributes": {}, "sections": [[1, 2]]}'],
)  # fmt: skip
def test_contents_that_are_none_are_refused(path, contents):
    forged(path, contents)
    with pytest.raises(DamagedIndexError):
        read(path)


def test_a_failed_write_leaves_no_file(tmp_path, faults):
    counting = faults.FaultyFiles()
    write_container(counting, tmp_path / "arrays", ARRAYS, {})
    for error in faults.ERRORS:
        for at in range(counting.count):
            with pytest.raises(OSError, match=r"No space|Input/output"):
                write_container(faults.FaultyFiles(at, error), tmp_path / "other", ARRAYS, {})
            assert [entry.name for entry in tmp_path.iterdir()] == ["arrays"]
