"""Shards are split and merged, and nothing else changes; Ray is of one process here."""

import errno
import threading
from dataclasses import dataclass

import numpy as np
import pytest
import scipy.sparse

pytest.importorskip("ray")

from one_process_ray import started

from rarefy.errors import DamagedIndexError, InputError, UnavailableError
from rarefy.index import Index, Writer
from rarefy.index.distributed import DistributedIndex, DistributedWriter, building, writer
from rarefy.index.distributed.commits import generations
from rarefy.index.distributed.storage import FolderStorage

pytestmark = pytest.mark.jit
WIDTH = 12


@pytest.fixture(autouse=True)
def ray(monkeypatch):
    monkeypatch.setattr(writer, "RUN", 3)
    return started(monkeypatch)


def matrix(rng, n):
    """Small whole weights: many documents have equal scores."""
    dense = rng.integers(0, 3, (n, WIDTH)) * (rng.random((n, WIDTH)) < 0.4)
    return scipy.sparse.csr_array(dense.astype(np.float32))


def assert_same(ours, one, rng):
    assert ours.ids == one.ids and ours.fields == one.fields
    queries = matrix(rng, 4)
    for k in (1, 9, len(one) + 2):
        for chosen in (None, rng.random(len(one)) < 0.5, *(["year >= 2004"] if one.fields else [])):
            for a, b in zip(
                ours.search(queries, k, filter=chosen),
                one.search(queries, k, filter=chosen),
                strict=True,
            ):
                assert np.array_equal(a, b)
    assert ours.metadata(one.ids) == one.metadata(one.ids)


@pytest.mark.parametrize("metadata", [False, True])
def test_a_life_with_splits_and_merges_is_that_of_one_index(tmp_path, metadata):
    rng = np.random.default_rng(metadata)
    names = [f"d{i}" for i in range(30)]
    seen = set()
    with (
        Writer(tmp_path / "one", vocabulary_size=WIDTH, background=False) as one,
        DistributedWriter(tmp_path / "many", vocabulary_size=WIDTH, shards=2) as many,
        DistributedIndex(tmp_path / "many") as index,
    ):
        for turn in range(10):
            for _ in range(rng.integers(0, 4)):
                chosen = rng.choice(names, rng.integers(1, 12), replace=False).tolist()
                if rng.random() < 0.3:
                    assert many.delete(chosen) == one.delete(chosen)
                else:
                    vectors = matrix(rng, len(chosen))
                    known = None
                    if metadata:
                        known = [{"year": int(y)} for y in rng.integers(2000, 2010, len(chosen))]
                    one.upsert(chosen, vectors, known)
                    many.upsert(chosen, vectors, known)
            one.commit()
            many.commit()
            index.refresh()
            shards = list(many.shards)
            if turn % 2 or len(shards) == 1:
                made = many.split(rng.choice(shards), int(rng.integers(1, 4)))
                sizes = [many.shards[name] for name in made]
                assert max(sizes) - min(sizes) <= 1
            else:
                several = rng.choice(shards, rng.integers(2, len(shards) + 1), replace=False)
                made = [many.merge(several.tolist())]
            assert set(made) <= many.shards.keys() and not set(made) & set(shards)
            assert sum(many.shards.values()) == len(index)
            assert_same(index, Index.open(tmp_path / "one"), rng)  # still of the shards of before
            assert index.refresh()
            assert_same(index, Index.open(tmp_path / "one"), rng)
            seen.add(len(many.shards))
        index.verify()
    assert len(seen) > 2


def test_searches_go_on_while_shards_are_split_and_merged(tmp_path):
    rng = np.random.default_rng(0)
    vectors, queries = matrix(rng, 60), matrix(rng, 5)
    expected = Index.build(vectors).search(queries)
    wrong, over, asked = [], threading.Event(), 0
    with (
        DistributedIndex.build(vectors, storage=tmp_path, shards=2, replicas=2) as index,
        DistributedIndex(tmp_path) as older,
    ):

        def search():
            nonlocal asked
            while not over.is_set():
                try:
                    hits = index.search(queries)
                    if not all(np.array_equal(a, b) for a, b in zip(hits, expected, strict=True)):
                        wrong.append(hits)
                except Exception as error:
                    wrong.append(error)
                asked += 1

        client = threading.Thread(target=search)
        client.start()
        with DistributedWriter(tmp_path) as changes:
            for _ in range(2):
                for name in list(changes.shards):
                    changes.split(name)
                    assert index.refresh()
                changes.merge(list(changes.shards)[1:])
                assert index.refresh()
        over.set()
        client.join()
        assert np.array_equal(older.search(queries).rows, expected.rows)  # at its first commit
    assert asked and not wrong, wrong[:1]


class Room:
    writes, left, late = 0, 10**9, False


@dataclass(frozen=True)
class FullStorage(FolderStorage):
    """A folder on a disk that is full from one write on, before or after that is done."""

    def write(self, name, data):
        self._take(super().write, name, data)

    def store(self, path, name):
        self._take(super().store, path, name)

    def _take(self, write, *arguments):
        Room.writes += 1
        if Room.late or Room.writes <= Room.left:
            write(*arguments)
        if Room.writes > Room.left:
            raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_a_crash_at_any_write_leaves_a_committed_state(tmp_path, monkeypatch, late):
    rng = np.random.default_rng(0)
    vectors = matrix(rng, 20)
    one = Index.build(vectors)
    monkeypatch.setattr(Room, "late", late)
    for room in range(9):
        storage = FullStorage(str(tmp_path / str(room)))
        monkeypatch.setattr(Room, "left", 10**9)
        with DistributedIndex.build(vectors, storage=storage, shards=3):
            pass
        changes = DistributedWriter(storage)
        before = set(changes.shards)
        Room.left = Room.writes + room
        failed = False
        try:
            if room % 2:
                changes.merge(list(before)[:2])
            else:
                changes.split(next(iter(before)), 2)
        except OSError:
            failed = True
        Room.left = 10**9
        with DistributedIndex(storage) as index:
            assert (set(index.shards) == before) is failed or late
            assert_same(index, one, rng)
            index.verify()
        changes.upsert(["new"], vectors[:1])  # whoever changes it next goes on
        changes.commit()
        changes.close()
        with DistributedIndex(storage) as index:
            assert index.ids == [*one.ids, "new"]
    assert not failed


def test_what_cannot_be_split_or_merged_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    with DistributedIndex.build(matrix(rng, 9), storage=tmp_path, shards=2) as index:
        names = list(index.shards)
    with DistributedWriter(tmp_path) as changes:
        with pytest.raises(InputError, match="'nobody' is no shard"):
            changes.split("nobody")
        with pytest.raises(InputError, match="parts is 0"):
            changes.split(names[0], 0)
        with pytest.raises(InputError, match="one or more different"):
            changes.merge([names[0], names[0]])
        with pytest.raises(InputError, match="one or more different"):
            changes.merge([])
        changes.delete(["0"])
        with pytest.raises(InputError, match="not committed"):
            changes.split(names[0])
        changes.rollback()
        segment = next((tmp_path / names[0]).glob("segment-*"))
        content = bytearray(segment.read_bytes())
        content[200] ^= 1
        segment.write_bytes(content)
        with pytest.raises(DamagedIndexError):
            changes.split(names[0])
        assert list(changes.shards) == names


def test_a_commit_that_may_have_been_seen_gives_its_number_to_no_other(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)

    def unseen(*_):
        raise OSError("the storage does not answer")

    def seen_and_lost(storage, commit):
        publish(storage, commit)
        raise OSError("the storage does not answer")

    publish = writer.publish
    with DistributedWriter(tmp_path, vocabulary_size=WIDTH) as changes:
        changes.upsert(["a"], matrix(rng, 1))
        with monkeypatch.context() as patch, pytest.raises(OSError, match="does not answer"):
            patch.setattr(writer, "publish", seen_and_lost)
            patch.setattr(writer, "newest", unseen)
            changes.commit()
        with DistributedIndex(tmp_path) as index:
            assert index.ids == ["a"]
            changes.upsert(["b"], matrix(rng, 1))
            changes.commit()
            assert index.refresh() and index.ids == ["a", "b"]
    assert len(set(generations(FolderStorage(str(tmp_path))))) == 3


def test_processes_that_cannot_build_are_said_to_be_unavailable(ray, monkeypatch):
    def lost(_):
        raise ray.exceptions.WorkerCrashedError

    monkeypatch.setattr(ray, "get", lost)
    with pytest.raises(UnavailableError, match="ray status"):
        building.built(lambda: None, [()])
