"""A manifest is the state that was committed, or an error."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest

from rarefy.errors import DamagedIndexError, InputError
from rarefy.index.storage.container import FileEntry
from rarefy.index.storage.files import Files
from rarefy.index.storage.manifest import (
    Manifest,
    SegmentEntry,
    fresh_name,
    generations,
    publish,
    read_newest,
    sweep,
)


def entry(deleted=0):
    file = FileEntry(fresh_name("segment"), 1000, 12345)
    deletions = FileEntry(fresh_name("deletions"), 200, 54321) if deleted else None
    return SegmentEntry(file, 10, deletions, deleted)


def manifest(generation):
    return Manifest(generation, 30_522, (entry(), entry(deleted=3)))


def test_the_newest_is_read(tmp_path):
    for generation in (9, 10, 2):
        written = manifest(generation)
        publish(Files(), tmp_path, written)
        newest = written if generation == 10 else read_newest(tmp_path)
    assert read_newest(tmp_path) == newest
    assert generations(tmp_path) == [10, 9, 2]


def test_every_changed_byte_and_every_length_is_noticed(tmp_path):
    publish(Files(), tmp_path, manifest(1))
    path = tmp_path / "manifest-1.json"
    content = path.read_bytes()
    for at in range(len(content)):
        for flip in (0xFF, 1 << (at % 8)):
            path.write_bytes(content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :])
            with pytest.raises(DamagedIndexError):
                read_newest(tmp_path)
        path.write_bytes(content[:at])
        with pytest.raises(DamagedIndexError):
            read_newest(tmp_path)
    for more in (b"\n", b" ", content):
        path.write_bytes(content + more)
        with pytest.raises(DamagedIndexError):
            read_newest(tmp_path)


def test_a_damaged_one_is_not_passed_over(tmp_path):
    publish(Files(), tmp_path, manifest(1))
    publish(Files(), tmp_path, manifest(2))
    (tmp_path / "manifest-2.json").write_text("")
    with pytest.raises(DamagedIndexError, match=r"manifest-2\.json.*--repair"):
        read_newest(tmp_path)


def forge(folder, change):
    """Write another manifest with a checksum that fits, as no accident would."""
    publish(Files(), folder, manifest(1))
    path = folder / "manifest-1.json"
    table = json.loads(path.read_bytes()[:-9])
    body = change(table)
    body = body if isinstance(body, bytes) else json.dumps(table).encode()
    path.write_bytes(body + b"\n%08x" % zlib.crc32(body))


def put(*keys_and_value):
    *keys, last, value = keys_and_value

    def change(table):
        for key in keys:
            table = table[key]
        table[last] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        put("generation", 2),
        put("vocabulary_size", -1),
        put("vocabulary_size", 2**32),
        put("vocabulary_size", True),
        put("segments", None),
        put("segments", [{}]),
        put("segments", 0, "file", "name", "../../../etc/passwd"),
        put("segments", 0, "file", "name", "segment-0123456789abcdef.rarefy/../x"),
        put("segments", 0, "file", "name", "deletions-0123456789abcdef.rarefy"),
        put("segments", 0, "file", "name", 7),
        put("segments", 0, "file", "bytes", -1),
        put("segments", 0, "file", "more", 1),
        put("segments", 0, "file", "checksum", 2**32),
        put("segments", 0, "documents", "10"),
        put("segments", 0, "documents", 2**31),
        put("segments", 0, "deleted", 1),
        put("segments", 1, "deleted", 11),
        put("segments", 1, "deleted", 0),
        put("segments", 1, "deletions", None),
        lambda table: put("segments", [table["segments"][0]] * 2)(table),
        lambda _: b"",
        lambda _: b"null",
        lambda _: b"[]",
        lambda _: b"\xff",
        lambda _: b"[" * 100_000,
        lambda _: b"9" * 10_000,
    ],
)
def test_forged_ones_are_refused(tmp_path, change):
    forge(tmp_path, change)
    with pytest.raises(DamagedIndexError):
        read_newest(tmp_path)


@pytest.mark.parametrize("version", [999, 0, "four", None])
def test_another_format_is_named(tmp_path, version):
    forge(tmp_path, put("format", version))
    with pytest.raises(InputError, match=f"has format {version!r}, this release reads 4: upgrade"):
        read_newest(tmp_path)


def test_a_folder_without_one_says_what_it_lacks(tmp_path):
    with pytest.raises(InputError, match="holds no index"):
        read_newest(tmp_path)
    with pytest.raises(InputError, match="holds no index"):
        read_newest(tmp_path / "nowhere")
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(InputError, match="format 3 or older, this release reads 4: build the"):
        read_newest(tmp_path)


def test_sweeping_leaves_what_is_kept_and_what_is_not_ours(tmp_path):
    kept, old = manifest(2), manifest(1)
    publish(Files(), tmp_path, old)
    publish(Files(), tmp_path, kept)
    others = {"terms.json", "segment-1.rarefy", "manifest-0.json", "manifest-x.json", "write.lock"}
    lost = {fresh_name("segment"), fresh_name("deletions"), f"manifest-{'0' * 16}.new"}
    needed = {"manifest-2.json"} | kept.files
    names = needed | old.files | others | lost
    for name in names - {"manifest-2.json"}:
        (tmp_path / name).write_text("")
    sweep(Files(), tmp_path, [kept])
    assert {path.name for path in tmp_path.iterdir()} == needed | others


@pytest.mark.parametrize("seed", range(8))
def test_a_kill_leaves_the_commit_before_or_this_one(tmp_path, faults, seed):
    """At every operation, with what was not synced lost or kept."""
    first, second = manifest(1), manifest(2)
    counting = faults.FaultyFiles()
    publish(counting, tmp_path, manifest(3))
    for at in range(counting.count + 1):
        folder = tmp_path / str(at)
        folder.mkdir()
        publish(Files(), folder, first)
        files = faults.FaultyFiles(at)
        try:
            publish(files, folder, second)
        except faults.Killed:
            pass
        else:
            assert at == counting.count
        files.lose_power(np.random.default_rng(seed))
        found = read_newest(folder)
        assert found in ((first, second) if at < counting.count else (second,))


@pytest.mark.parametrize("at", range(8))
def test_an_error_leaves_the_commit_before_or_this_one(tmp_path, faults, at):
    for error in faults.ERRORS:
        folder = tmp_path / str(error)
        folder.mkdir()
        publish(Files(), folder, manifest(1))
        before = read_newest(folder)
        second = manifest(2)
        try:
            publish(faults.FaultyFiles(at, error), folder, second)
        except OSError as raised:
            assert raised.errno == error
            assert read_newest(folder) in (before, second)
        else:
            assert at >= 6
        third = manifest(3)
        publish(Files(), folder, third)
        assert read_newest(folder) == third
