"""What is committed is found, and nothing else, whatever happens in between."""

from __future__ import annotations

import os

import numpy as np
import pytest
from lives import COLUMNS, content, expected, vectors, weights

from rarefy.errors import DamagedIndexError, InputError, InputTypeError
from rarefy.index import Index, Writer, tiers
from rarefy.index import writer as writer_module
from rarefy.index.storage import manifest as manifest_module
from rarefy.index.storage.container import FileEntry
from rarefy.index.storage.folder import link
from rarefy.index.storage.manifest import SegmentEntry


@pytest.fixture
def folder(tmp_path):
    with Writer(tmp_path / "index", vocabulary_size=COLUMNS) as writer:
        writer.upsert(["a", "b", "c"], vectors(weights(0), weights(1), weights(2)))
    return tmp_path / "index"


def test_a_block_commits(folder):
    assert content(Index.open(folder)) == expected({"a": 0, "b": 1, "c": 2})
    Index.verify(folder)


def test_a_failed_block_does_not(folder):
    with pytest.raises(ZeroDivisionError), Writer(folder) as writer:
        writer.delete(["a"])
        raise ZeroDivisionError
    assert content(Index.open(folder)) == expected({"a": 0, "b": 1, "c": 2})


def test_a_document_that_is_replaced_becomes_the_newest(folder):
    with Writer(folder) as writer:
        writer.upsert(["a"], vectors(weights(3)))
        assert writer.delete(["b", "b", "nothing"]) == 1
        writer.upsert(["d"], vectors(weights(4)))
        writer.upsert(["d"], vectors(weights(5)))
        assert len(Index.open(folder)) == 3
    assert content(Index.open(folder)) == expected({"c": 2, "a": 3, "d": 5})
    Index.verify(folder)


def test_rollback_forgets(folder):
    with Writer(folder, buffer_bytes=0) as writer:
        writer.upsert(["a", "d"], vectors(weights(3), weights(4)))
        writer.delete(["b"])
        writer.rollback()
        writer.upsert(["e"], vectors(weights(6)))
    assert content(Index.open(folder)) == expected({"a": 0, "b": 1, "c": 2, "e": 6})


def test_what_is_not_committed_is_no_garbage_for_ever(folder):
    writer = Writer(folder, buffer_bytes=0)
    writer.upsert(["d"], vectors(weights(3)))
    assert len(list(folder.glob("segment-*"))) == 2
    writer.close()
    assert len(list(folder.glob("segment-*"))) == 1
    with pytest.raises(InputError, match="closed"):
        writer.upsert(["d"], vectors(weights(3)))


def test_a_commit_without_changes_writes_nothing(folder):
    before = sorted(folder.iterdir())
    with Writer(folder) as writer:
        writer.delete(["nothing"])
        writer.commit()
    assert sorted(folder.iterdir()) == before


def test_the_commit_before_is_kept_and_no_other(folder):
    with Writer(folder) as writer:
        for i in range(5):
            writer.upsert(["a"], vectors(weights(i)))
            writer.commit()
    assert len(list(folder.glob("manifest-*"))) == 2
    newest = max(folder.glob("manifest-*"), key=lambda path: int(path.stem.split("-")[1]))
    newest.write_bytes(b"")
    Index.repair(folder)
    assert content(Index.open(folder)) == expected({"b": 1, "c": 2, "a": 3})


def size(folder):
    return sum(path.stat().st_size for path in folder.glob("*.rarefy"))


def test_merging_leaves_one_segment_of_the_same_content(folder):
    index = Index.open(folder)
    with Writer(folder) as writer:
        for i in range(3, 9):
            writer.upsert([f"d{i}"], vectors(weights(i)))
            writer.commit()
        writer.delete(["b", "d4"])
        writer.commit()
        index.refresh()
        before = content(index)
        writer.merge()
        assert len(list(Index.open(folder)._snapshot.parts)) == 1
    assert content(index) == before
    assert index.refresh() and content(index) == before
    kept = {"a": 0, "c": 2, "d3": 3, "d5": 5, "d6": 6, "d7": 7, "d8": 8}
    fresh = Index.build(vectors(*map(weights, kept.values())), ids=list(kept))
    assert index.nbytes == fresh.nbytes
    fresh.save(folder.with_name("fresh"))
    ours, theirs = (size(each) for each in (folder, folder.with_name("fresh")))
    assert ours == theirs and len(list(folder.glob("manifest-*"))) == 2


def test_segments_stay_few(tmp_path):
    with Writer(tmp_path / "index", vocabulary_size=COLUMNS, background=False) as writer:
        for i in range(40):
            writer.upsert([str(i)], vectors(weights(i)))
            writer.commit()
    index = Index.open(tmp_path / "index")
    assert len(index._snapshot.parts) < tiers.FACTOR
    assert content(index) == expected({str(i): i for i in range(40)})


def entries(*sizes):
    file = FileEntry("segment", 0, 0)
    pairs = [size if isinstance(size, tuple) else (size, 0) for size in sizes]
    return [SegmentEntry(file, n, None, deleted) for n, deleted in pairs]


@pytest.mark.parametrize(
    ("sizes", "run"),
    [
        ([], None),
        ([10] * 7, None),
        ([10] * 8, slice(0, 8)),
        ([10**6, *[10] * 8], slice(1, 9)),
        ([*[10] * 5, 10**6, *[10] * 5], None),
        ([10**5, *[9000] * 7, 20], slice(1, 9)),
        ([10**5, *[9000] * 6, 20], None),
        ([10**6, (100, 51), 10**6], slice(1, 2)),
        ([10**6, (100, 50), 10**6], None),
    ],
)
def test_which_neighbours_become_one(sizes, run):
    assert tiers.run_to_merge(entries(*sizes)) == run


def test_metadata_goes_along(folder):
    with Writer(folder) as writer:
        writer.upsert(["x", "y"], vectors(weights(7), weights(8)), {"year": [1, 2]})
        writer.upsert(["z"], vectors(weights(9)), [{"year": 3, "lang": "en"}])
        writer.commit()
        writer.upsert(["y"], vectors(weights(8)), {"year": [5]})
        writer.upsert(["w"], vectors(weights(8)), {"year": [None], "lang": ["en"]})
        with pytest.raises(InputTypeError, match="'year' has '5' of type str in row 0"):
            writer.upsert(["w"], vectors(weights(8)), {"year": ["5"]})
        writer.commit()
        for _ in range(2):
            index = Index.open(folder)
            hits = index.search(vectors(np.ones(COLUMNS)), filter="year > 2")
            assert sorted(name for name in hits.ids[0] if name) == ["y", "z"]
            assert index.metadata(["z", "a"]) == [
                {"year": 3, "lang": "en"},
                {"year": None, "lang": None},
            ]
            writer.merge()
    Index.verify(folder)


def test_what_cannot_be_written_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match="holds no index yet: pass vocabulary_size"):
        Writer(tmp_path / "new")
    with pytest.raises(InputError, match="vocabulary_size is 9"):
        Writer(folder, vocabulary_size=9)
    with pytest.raises(InputTypeError, match="vocabulary_size must be an integer"):
        Writer(tmp_path / "new", vocabulary_size="9")
    Index.build(vectors(weights(0)), compact=True).save(tmp_path / "compact")
    with pytest.raises(InputError, match="a compact index, which cannot be changed"):
        Writer(tmp_path / "compact")
    with Writer(folder) as writer:
        with pytest.raises(InputError, match="by another writer"):
            Writer(folder)
        with pytest.raises(InputError, match="have 2 columns"):
            writer.upsert(["a"], vectors([1, 2]))
        with pytest.raises(InputError, match="must be unique"):
            writer.upsert(["a", "a"], vectors(weights(1), weights(2)))
        with pytest.raises(InputTypeError, match="one string 'abc'"):
            writer.delete("abc")
        with pytest.raises(InputTypeError, match="ids must be str"):
            writer.delete([1])
        with pytest.raises(InputTypeError, match="ids is None"):
            writer.upsert(None, vectors(weights(1)))
    assert content(Index.open(folder)) == expected({"a": 0, "b": 1, "c": 2})


def test_segments_together_have_as_many_rows_as_one_may(folder, monkeypatch):
    """Beyond, rows of results would not fit in their 32 bits, nor a merge in a segment."""
    monkeypatch.setattr(writer_module, "MAX_ROWS", 4)
    with Writer(folder) as writer:
        writer.upsert(["d"], vectors(weights(3)))
        writer.commit()
        writer.upsert(["e"], vectors(weights(4)))
        with pytest.raises(InputError, match="5 documents are too many: at most 4"):
            writer.commit()
        writer.rollback()
    monkeypatch.setattr(manifest_module, "MAX_ROWS", 3)
    with pytest.raises(DamagedIndexError, match="have 4 documents, at most 3"):
        Index.open(folder)
    monkeypatch.undo()
    assert content(Index.open(folder)) == expected({"a": 0, "b": 1, "c": 2, "d": 3})


def test_a_forked_process_does_not_write(folder):
    """Two would: each would lose what the other commits."""
    writer = Writer(folder)
    writer.upsert(["d"], vectors(weights(3)))
    child = os.fork()
    if not child:
        refused = 0
        try:
            for change in (
                writer.commit,
                writer.merge,
                writer.rollback,
                lambda: writer.delete(["a"]),
                lambda: writer.upsert(["e"], vectors(weights(4))),
            ):
                try:
                    change()
                except InputError:
                    refused += 1
            writer.close()
        finally:
            os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
    with pytest.raises(InputError, match="by another writer"):
        Writer(folder)
    writer.commit()
    writer.close()
    assert content(Index.open(folder)) == expected({"a": 0, "b": 1, "c": 2, "d": 3})


def test_a_snapshot_stays_what_it_was(folder, tmp_path):
    with Writer(folder) as writer:
        writer.delete(["a"])
    index = Index.open(folder)
    index.snapshot(tmp_path / "kept")
    with Writer(folder) as writer:
        writer.upsert(["b"], vectors(weights(5)))
        writer.merge()
        writer.delete(["c"])
    Index.verify(tmp_path / "kept")
    assert content(Index.open(tmp_path / "kept")) == expected({"b": 1, "c": 2})
    assert content(Index.open(folder)) == expected({"b": 5})
    with Writer(tmp_path / "kept") as writer:
        writer.upsert(["z"], vectors(weights(9)))
    assert content(Index.open(tmp_path / "kept")) == expected({"b": 1, "c": 2, "z": 9})
    with pytest.raises(InputError, match="holds an index: name a new folder"):
        index.snapshot(folder)
    with pytest.raises(InputError, match="refresh the index first"):
        index.snapshot(tmp_path / "late")
    index.refresh()
    index.snapshot(tmp_path / "late")
    with pytest.raises(InputError, match="in memory alone"):
        Index.build(vectors(weights(0))).snapshot(tmp_path / "never")


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_of_a_snapshot_leaves_no_half_of_one(folder, tmp_path, faults, seed):
    index = Index.open(folder)
    counting = faults.FaultyFiles()
    link(folder, index._snapshot.manifest, tmp_path / "counted", counting)
    for at in range(counting.count):
        files, copy = faults.FaultyFiles(at), tmp_path / str(at)
        with pytest.raises(faults.Killed):
            link(folder, index._snapshot.manifest, copy, files)
        files.lose_power(np.random.default_rng(seed))
        try:
            assert content(Index.open(copy)) == content(index)
        except InputError as error:
            assert "holds no index" in str(error)
            index.snapshot(copy)
            Index.verify(copy)
