"""A folder that is copied while it is written is a commit, or says that it is none."""

from __future__ import annotations

import os
import shutil

import pytest
from lives import COLUMNS, content, expected, vectors, weights
from proofs import copies

from rarefy.errors import DamagedIndexError
from rarefy.index import Index, Writer
from rarefy.index.storage import manifest
from rarefy.index.storage.manifest import generations


@pytest.fixture
def waiting(monkeypatch):
    monkeypatch.setattr(manifest, "COPY_SECONDS", 30.0)


def commit(folder, *seeds):
    for seed in seeds:
        with Writer(folder, vocabulary_size=COLUMNS) as writer:
            writer.upsert([f"d{seed % 3}"], vectors(weights(seed)))


def copied(names, folder, copy):
    copy.mkdir()
    for name in names:
        if (folder / name).exists():
            shutil.copy2(folder / name, copy / name)
    return copy


def age(folder, seconds):
    """Let all files have been written longer ago."""
    for path in folder.iterdir():
        moment = path.stat().st_mtime - seconds
        os.utime(path, (moment, moment))


@pytest.mark.jit
def test_copies_are_commits(tmp_path, waiting):
    counts = copies.while_written(tmp_path, 8, pause=0.005)
    assert counts["copies"] == 8 and counts["commits between them"] > 0


def test_what_was_listed_stays_while_it_is_copied(tmp_path, waiting):
    folder = tmp_path / "index"
    commit(folder, 1, 2, 3)
    listed = sorted(os.listdir(folder))
    commit(folder, *range(4, 16))
    with Writer(folder) as writer:
        writer.merge()
    copy = copied(listed, folder, tmp_path / "copy")
    Index.verify(copy)
    assert content(Index.open(copy)) == expected({"d1": 1, "d2": 2, "d0": 3})
    commit(copy, 20)
    assert content(Index.open(copy)) == expected({"d1": 1, "d0": 3, "d2": 20})


def test_what_was_written_long_before_its_commit_stays_as_long(tmp_path, waiting):
    folder = tmp_path / "index"
    commit(folder, 1)
    with Writer(folder, buffer_bytes=1) as writer:
        writer.upsert(["d2"], vectors(weights(2)))
        age(folder, 60)
        writer.commit()
        listed = sorted(os.listdir(folder))
        for seed in (3, 4, 5):
            writer.upsert(["d0"], vectors(weights(seed)))
            writer.merge()
    commit(folder, 6)
    copy = copied(listed, folder, tmp_path / "copy")
    assert content(Index.open(copy)) == expected({"d1": 1, "d2": 2})


def test_a_copy_that_took_too_long_says_so(tmp_path):
    folder = tmp_path / "index"
    commit(folder, 1, 2, 3)
    listed = sorted(os.listdir(folder))
    commit(folder, *range(4, 16))
    manifests = [name for name in listed if name.startswith("manifest")]
    copy = copied(listed, folder, tmp_path / "copy")
    for name in manifests:  # read before the other files
        (copy / name).write_bytes(b"")
    with pytest.raises(DamagedIndexError):
        Index.open(copy)


def test_a_missing_file_tells_of_snapshots(tmp_path):
    commit(tmp_path / "index", 1)
    next((tmp_path / "index").glob("segment-*")).unlink()
    with pytest.raises(DamagedIndexError, match=r"it is missing.*copy what Index\.snapshot makes"):
        Index.open(tmp_path / "index")


def test_files_of_old_commits_go(tmp_path, waiting):
    folder = tmp_path / "index"
    commit(folder, 1, 2, 3, 4)
    assert len(list(folder.glob("manifest-*"))) == 5
    age(folder, 60)
    commit(folder, 5)
    assert generations(folder) == [6, 5]
    age(folder, 20)
    commit(folder, 6)  # a copy of the fifth may have begun 30 seconds ago
    assert generations(folder) == [7, 6, 5]
    age(folder, 20)
    commit(folder, 7)
    assert generations(folder) == [8, 7, 6]
    Index.verify(folder)


def test_larger_folders_may_take_longer(monkeypatch):
    monkeypatch.setattr(manifest, "COPY_SECONDS", 2.0)
    monkeypatch.setattr(manifest, "COPY_SPEED", 100)
    entry = manifest.SegmentEntry(manifest.FileEntry("segment", 1000, 0), 1)
    small, large = (manifest.Manifest(1, 9, segments) for segments in ((), (entry,)))
    assert manifest.copying_time([]) == manifest.copying_time([small]) == 2
    assert manifest.copying_time([small, large]) == 12
