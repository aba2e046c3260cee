"""Damage of every kind is found, and what is not damaged is kept."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from rarefy.errors import DamagedIndexError, InputError
from rarefy.index import Index, Writer
from rarefy.index.build import build
from rarefy.index.metadata import Metadata
from rarefy.index.storage import check
from rarefy.index.storage.bounds import bound_fault
from rarefy.index.storage.check import repair, verify
from rarefy.index.storage.container import Container
from rarefy.index.storage.deletions import read_alive, write_alive
from rarefy.index.storage.files import Files
from rarefy.index.storage.ids import Ids
from rarefy.index.storage.lock import FolderLock
from rarefy.index.storage.manifest import Manifest, publish, read_newest
from rarefy.index.storage.segment import Segment, read_segment, write_segment
from rarefy.index.vectors import canonical


def layout(rows, block_size=1, seed=0, columns=30, **options):
    rng = np.random.default_rng(seed)
    matrix = sp.random_array((rows, columns), density=0.2, rng=rng, dtype=np.float32)
    return build(canonical(matrix.tocsr()), block_size, **options)


def committed(folder, *names, deleted=None):
    """Write an index of several segments, of which some rows are deleted."""
    entries = []
    for i, of_segment in enumerate(names):
        segment = Segment(layout(len(of_segment), seed=i), Ids.of(of_segment), 30, 1, [])
        entry = write_segment(Files(), folder, segment)
        rows = [row for row, name in enumerate(of_segment) if (i, name) in (deleted or [])]
        if rows:
            alive = np.ones(len(of_segment), np.bool_)
            alive[rows] = False
            file = write_alive(Files(), folder, alive)
            entry = entry._replace(deletions=file, deleted=len(rows))
        entries.append(entry)
    manifest = Manifest(1, 30, tuple(entries))
    publish(Files(), folder, manifest)
    return manifest


def living(folder):
    manifest = read_newest(folder)
    found = []
    for entry in manifest.segments:
        names = read_segment(folder, entry, 30, verify=True).ids.names()
        alive = read_alive(folder, entry)
        found.append([n for i, n in enumerate(names) if alive is None or alive[i]])
    return found


def flip(path, at=100):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_a_sound_index_is_left_as_it_is(tmp_path):
    committed(tmp_path, ["a", "b"], ["b", "c"], deleted=[(0, "b")])
    verify(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    assert repair(tmp_path) == []
    assert {path.name for path in tmp_path.iterdir()} == before | {"write.lock"}


def test_a_damaged_segment_is_dropped_and_said(tmp_path):
    manifest = committed(tmp_path, ["a", "b"], ["b", "c"], deleted=[(0, "b")])
    flip(tmp_path / manifest.segments[1].file.name)
    with pytest.raises(DamagedIndexError, match=manifest.segments[1].file.name):
        verify(tmp_path)
    (dropped,) = repair(tmp_path)
    assert dropped.startswith("2 documents: ") and manifest.segments[1].file.name in dropped
    verify(tmp_path)
    assert living(tmp_path) == [["a"]]


def test_without_its_deletions_the_newest_of_an_id_lives(tmp_path):
    manifest = committed(tmp_path, ["a", "b", "d"], ["b", "c"], deleted=[(0, "b"), (0, "d")])
    flip(tmp_path / manifest.segments[0].deletions.name)
    with pytest.raises(DamagedIndexError, match=manifest.segments[0].deletions.name):
        verify(tmp_path)
    unknown, superseded = repair(tmp_path)
    assert "which 2 documents were deleted" in unknown
    assert "1 documents" in superseded
    verify(tmp_path)
    assert living(tmp_path) == [["a", "d"], ["b", "c"]]


def test_a_damaged_manifest_gives_way_to_the_one_before(tmp_path):
    manifest = committed(tmp_path, ["a"])
    publish(Files(), tmp_path, manifest._replace(generation=2, segments=()))
    flip(tmp_path / "manifest-2.json", at=5)
    with pytest.raises(DamagedIndexError, match="manifest-2"):
        verify(tmp_path)
    (dropped,) = repair(tmp_path)
    assert dropped.startswith("commit 2: ")
    assert read_newest(tmp_path).generation == 3
    assert living(tmp_path) == [["a"]]


def test_nothing_is_left_without_a_manifest(tmp_path):
    committed(tmp_path, ["a"])
    flip(tmp_path / "manifest-1.json", at=5)
    with pytest.raises(DamagedIndexError, match="no manifest is whole"):
        repair(tmp_path)
    with pytest.raises(InputError, match="holds no index"):
        repair(tmp_path / "nowhere")


def test_what_is_overtaken_by_a_writer_is_checked_anew(tmp_path, monkeypatch):
    old = committed(tmp_path, ["a", "b"])
    sound = check.read_segment

    def overtaken(*arguments, **options):
        if not (tmp_path / "manifest-2.json").exists():
            publish(Files(), tmp_path, old._replace(generation=2, segments=()))
            (tmp_path / old.segments[0].file.name).unlink()
        return sound(*arguments, **options)

    monkeypatch.setattr(check, "read_segment", overtaken)
    verify(tmp_path)
    assert read_newest(tmp_path).generation == 2


def test_what_is_being_written_is_not_repaired(tmp_path):
    committed(tmp_path, ["a"])
    with FolderLock(tmp_path), pytest.raises(InputError, match="another writer"):
        repair(tmp_path)


def test_an_id_that_lives_twice_is_found(tmp_path):
    committed(tmp_path, ["a", "b"], ["b"])
    with pytest.raises(DamagedIndexError, match="the id of row 1 occurs again"):
        verify(tmp_path)
    assert "1 documents" in repair(tmp_path)[0]
    assert living(tmp_path) == [["a"], ["b"]]


def test_deletions_are_those_of_the_manifest(tmp_path):
    manifest = committed(tmp_path, ["a", "b", "c"], deleted=[(0, "b")])
    (entry,) = manifest.segments
    assert read_alive(tmp_path, entry).tolist() == [True, False, True]
    for other in (entry._replace(deleted=2), entry._replace(documents=9)):
        with pytest.raises(DamagedIndexError):
            read_alive(tmp_path, other)


@pytest.mark.parametrize("block_size", [1, 2, 4])
def test_bounds_below_a_weight_are_found(block_size):
    sound = layout(300, block_size, columns=100, champions=0)
    assert bound_fault(sound, block_size) is None
    frequent = layout(300, block_size, columns=3)
    assert len(frequent.dense_maxima) and bound_fault(frequent, block_size) is None
    for whole, name in ((sound, "list_maxima"), (frequent, "dense_maxima"), (sound, "codes")):
        array = getattr(whole, name).copy()
        if array.size:
            array.flat[np.argmax(array)] -= 1
            assert bound_fault(whole._replace(**{name: array}), block_size)
    if len(sound.list_blocks):
        blocks = sound.list_blocks.copy()
        blocks[0] = 70
        assert bound_fault(sound._replace(list_blocks=blocks), block_size)
    terms = sound.terms.copy()
    terms[:2] = terms[1::-1]
    assert bound_fault(sound._replace(terms=terms), block_size)


def test_bounds_of_a_compact_layout_are_checked():
    whole = layout(300, columns=3, compact=True)
    assert bound_fault(whole, 1) is None
    maxima = whole.dense_maxima.copy()
    maxima[1, 7] = 0
    assert "above the maximum" in bound_fault(whole._replace(dense_maxima=maxima), 1)


def test_metadata_that_does_not_fit_is_found(tmp_path):
    fitting = Metadata.of({"year": [2020, 2021]}, 2).to_bytes()
    forged = Metadata.of({"year": [2020, 2021, 2022]}, 3).to_bytes()
    entries = []
    for i, metadata in enumerate([fitting, forged, np.frombuffer(b"no table", np.uint8)]):
        ids = Ids.of([f"a{i}", f"b{i}"])
        segment = Segment(layout(2), ids, 30, 1, [], metadata)
        entries.append(write_segment(Files(), tmp_path, segment))
    publish(Files(), tmp_path, Manifest(1, 30, tuple(entries)))
    with pytest.raises(DamagedIndexError, match=f"{entries[1].file.name}: metadata has 3 doc"):
        verify(tmp_path)
    first, second = repair(tmp_path)
    assert first.startswith("the metadata of 2 documents: ") and "metadata has 3 doc" in first
    assert "metadata is not what was written" in second
    verify(tmp_path)
    assert living(tmp_path) == [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]


def test_vectors_outlive_their_metadata(tmp_path):
    """One byte of the metadata is changed: its values are lost, and nothing else."""
    documents = sp.csr_array(np.ones((4, 3), np.float32))
    with Writer(tmp_path, vocabulary_size=3) as writer:
        writer.upsert(["a", "b"], documents[:2], {"year": [2020, 2021]})
        writer.commit()
        writer.upsert(["c", "d"], documents[2:], {"year": [2022, 2023]})
        writer.commit()
        writer.delete(["d"])
    before = Index.open(tmp_path).search(documents[:1])
    entry = read_newest(tmp_path).segments[1]
    container = Container(tmp_path / entry.file.name)
    metadata = container.sections["metadata"]
    start = metadata.ctypes.data - np.frombuffer(container._map, np.uint8).ctypes.data
    flip(tmp_path / entry.file.name, at=start + len(metadata) // 2)
    with pytest.raises(DamagedIndexError, match="section 'metadata'"):
        verify(tmp_path)
    (dropped,) = repair(tmp_path)
    assert dropped.startswith("the metadata of 1 documents: ") and entry.file.name in dropped
    verify(tmp_path)
    index = Index.open(tmp_path)
    found = index.search(documents[:1])
    assert (found.ids == before.ids).all() and (found.scores == before.scores).all()
    assert index.metadata(["b", "c"]) == [{"year": 2021}, {"year": None}]
    assert [n for n in index.search(documents[:1], filter="year > 0").ids[0] if n] == ["a", "b"]
