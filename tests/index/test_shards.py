"""An index of several shards is one index: the same rows, ids and scores, whatever changes.

Ray is of one process here; `test_distributed.py` has the real one.
"""

import errno
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pytest
import scipy.sparse

pytest.importorskip("ray")

from one_process_ray import started

from rarefy.errors import (
    DamagedIndexError,
    DeadlineError,
    InputError,
    InputTypeError,
    LostChangesError,
    UnavailableError,
)
from rarefy.index import Index, Writer
from rarefy.index.distributed import DistributedIndex, DistributedWriter, writer
from rarefy.index.distributed.storage import FolderStorage, RemoteStorage, storage_at

pytestmark = pytest.mark.jit
WIDTH = 12


@pytest.fixture(autouse=True)
def ray(monkeypatch):
    return started(monkeypatch)


@pytest.fixture(autouse=True)
def short_runs(monkeypatch):
    """Deal few documents at a time, so that few make many runs."""
    monkeypatch.setattr(writer, "RUN", 3)


def matrix(rng, n):
    """Small whole weights: many documents have equal scores."""
    dense = rng.integers(0, 3, (n, WIDTH)) * (rng.random((n, WIDTH)) < 0.4)
    return scipy.sparse.csr_array(dense.astype(np.float32))


def records(rng, n):
    return [{"year": int(y), "odd": bool(y % 2) or None} for y in rng.integers(2000, 2010, n)]


def assert_same(ours, one, rng):
    """Compare all that both can be asked."""
    assert ours.ids == one.ids
    assert len(ours) == len(one) and ours.vocabulary_size == one.vocabulary_size
    assert ours.fields == one.fields
    queries = matrix(rng, 4)
    mask = rng.random(len(one)) < 0.5
    few = [name for name in one.ids if rng.random() < 0.3]
    filters = [None, mask, few, *(["year >= 2004 and odd is null"] if one.fields else [])]
    for k in (1, 7, len(one) + 3):
        for chosen in filters:
            ours_hits = ours.search(queries, k, filter=chosen)
            one_hits = one.search(queries, k, filter=chosen)
            for a, b in zip(ours_hits, one_hits, strict=True):
                assert a.dtype == b.dtype
                assert np.array_equal(a, b)
    for chosen in filters[1:]:
        assert np.array_equal(ours.mask(chosen), one.mask(chosen))
    for name in few[:3]:
        assert ours.row_of(name) == one.row_of(name)
        assert ours.explain(queries[[0]], name) == one.explain(queries[[0]], name)
    assert ours.metadata([*few, None]) == one.metadata([*few, None])


@pytest.mark.parametrize("shards", [1, 2, 3])
@pytest.mark.parametrize("metadata", [False, True])
def test_a_life_is_that_of_one_index(tmp_path, shards, metadata):
    rng = np.random.default_rng(shards)
    names = [f"d{i}" for i in range(25)]
    with (
        Writer(tmp_path / "one", vocabulary_size=WIDTH, background=False) as one,
        DistributedWriter(tmp_path / "many", vocabulary_size=WIDTH, shards=shards) as many,
        DistributedIndex(tmp_path / "many", replicas=2) as index,
    ):
        for _ in range(8):
            for _ in range(rng.integers(0, 5)):
                chosen = rng.choice(names, rng.integers(1, 12), replace=False).tolist()
                if rng.random() < 0.3:
                    assert many.delete(chosen) == one.delete(chosen)
                else:
                    vectors = matrix(rng, len(chosen))
                    known = records(rng, len(chosen)) if metadata else None
                    one.upsert(chosen, vectors, known)
                    many.upsert(chosen, vectors, known)
            if rng.random() < 0.2:
                one.rollback()
                many.rollback()
            one.commit()
            many.commit()
            index.refresh()
            assert_same(index, Index.open(tmp_path / "one"), rng)
        index.verify()


@pytest.mark.parametrize("n", [0, 1, 50])
def test_a_build_is_that_of_one_index(tmp_path, n):
    rng = np.random.default_rng(n)
    vectors, known = matrix(rng, n), records(rng, n) or None
    with DistributedIndex.build(
        vectors, storage=tmp_path / "many", shards=3, metadata=known
    ) as index:
        assert_same(index, Index.build(vectors, metadata=known), rng)
        assert repr(index) == f"<DistributedIndex of {n} documents in 3 shards, vocabulary 12>"
        with DistributedIndex.build(vectors[: n // 2], storage=tmp_path / "many", shards=2):
            assert index.refresh() and len(index) == n // 2  # other shards, replaced while open


def test_batches_stream_in_order(tmp_path):
    rng = np.random.default_rng(0)
    vectors, read = matrix(rng, 40), []

    def batches():
        for number in range(20):
            read.append(number)
            yield matrix(np.random.default_rng(number), 3)

    with DistributedIndex.build(vectors, storage=tmp_path, shards=2) as index:
        one = Index.build(vectors)
        for number, hits in enumerate(index.search_many(batches(), k=5)):
            assert len(read) <= number + 5  # no more are read than are needed
            expected = one.search(matrix(np.random.default_rng(number), 3), k=5)
            assert np.array_equal(hits.rows, expected.rows)
        many = matrix(rng, 1200)
        assert np.array_equal(index.search(many, 3).rows, one.search(many, 3).rows)


def test_input_is_refused_as_one_index_refuses_it(tmp_path):
    rng = np.random.default_rng(0)
    vectors = matrix(rng, 9)
    with DistributedIndex.build(vectors, storage=tmp_path / "i", shards=2) as index:
        query = matrix(rng, 1)
        for call in [
            lambda i: i.search(query, 0),
            lambda i: i.search(query, recall=2),
            lambda i: i.search(query[:, :3]),
            lambda i: i.search(query, filter=["nobody"]),
            lambda i: i.search(query, filter=np.ones(3, bool)),
            lambda i: i.search(query, filter="year > 3"),
            lambda i: i.explain(query, "nobody"),
            lambda i: i.row_of("nobody"),
            lambda i: i.metadata(["0"], ["year"]),
        ]:
            with pytest.raises(InputError) as ours:
                call(index)
            with pytest.raises(InputError) as one:
                call(Index.build(vectors))
            assert str(ours.value) == str(one.value)
        with pytest.raises(InputError, match="deadline is 0"):
            index.search(query, deadline=0)
    with DistributedWriter(tmp_path / "fields", vocabulary_size=WIDTH, shards=2) as changes:
        changes.upsert(["a"], vectors[:1], {"year": [2000]})
        changes.commit()
        with pytest.raises(InputTypeError, match="expected int"):
            changes.upsert(["b"], vectors[:1], {"year": ["2000"]})
    with pytest.raises(InputError, match="holds no distributed index"):
        DistributedIndex(tmp_path)
    with pytest.raises(InputError, match="vocabulary_size"):
        DistributedWriter(tmp_path / "new")
    with pytest.raises(InputError, match=r"is 13, .* has 12"):
        DistributedWriter(tmp_path / "i", vocabulary_size=13)
    with (
        DistributedWriter(tmp_path / "i"),
        pytest.raises(InputError, match="another writer"),
    ):
        DistributedWriter(tmp_path / "i")


def actors(ray, kind):
    return [each for each in ray.actors if type(each.made).__name__ == kind and not each.dead]


def test_a_node_is_lost_and_its_replicas_come_back(tmp_path, ray):
    rng = np.random.default_rng(0)
    vectors, queries = matrix(rng, 30), matrix(rng, 5)
    one = Index.build(vectors).search(queries)
    with DistributedIndex.build(vectors, storage=tmp_path, shards=3, replicas=2) as index:
        ready(index)
        assert {len(set(shards)) for shards in index.nodes.values()} == {3}
        ray.alive.append("node-2")
        ray.lose("node-0")
        for _ in range(20):
            assert np.array_equal(index.search(queries).rows, one.rows)
        ready(index, lambda: set(index.nodes) == {"node-1", "node-2"})
        ray.alive.append("node-3")  # joins: some replicas move to it
        ready(index, lambda: {len(each) for each in index.nodes.values()} == {2})
        index.drain(["node-1"])
        ready(index, lambda: set(index.nodes) == {"node-2", "node-3"})
        for name in ("node-2", "node-3"):
            ray.lose(name)  # all of them: the only node left is used, drained or not
        assert np.array_equal(index.search(queries).rows, one.rows)


def ready(index, so=lambda: True):
    """Wait until an index has all its replicas, and something holds."""
    until = time.monotonic() + 20
    while not (index.strong and so()):
        assert time.monotonic() < until, index.nodes
        time.sleep(0.005)


def test_a_straggler_is_hedged_and_then_asked_last(tmp_path, ray):
    rng = np.random.default_rng(0)
    vectors, query = matrix(rng, 30), matrix(rng, 1)
    with DistributedIndex.build(vectors, storage=tmp_path, shards=2, replicas=2) as index:
        ready(index)
        slow = actors(ray, "Shard")[0]
        slow.delay = 30.0
        began = time.monotonic()
        for _ in range(4):
            index.search(query)
        assert time.monotonic() - began < 10
        assert "call" in slow.calls


def test_partial_results_are_marked_and_only_on_request(tmp_path, ray):
    rng = np.random.default_rng(0)
    vectors, query = matrix(rng, 30), matrix(rng, 2)
    with DistributedIndex.build(vectors, storage=tmp_path, shards=2) as index:
        whole = index.search(query, partial=True)
        assert whole.missing == () and np.array_equal(whole.rows, index.search(query).rows)
        slow = actors(ray, "Shard")[0]
        slow.delay = 30.0
        with pytest.raises(DeadlineError, match="1 of 2 shards did not answer in time"):
            index.search(query, deadline=0.05)
        some = index.search(query, deadline=0.05, partial=True)
        assert len(some.missing) == 1
        half = (
            np.arange(30) >= 15 if (some.rows[some.rows >= 0] >= 15).all() else np.arange(30) < 15
        )
        assert np.array_equal(some.rows, Index.build(vectors).search(query, filter=half).rows)
        assert isinstance(DeadlineError(""), TimeoutError)


def test_a_lost_writer_loses_the_changes_and_says_so(tmp_path, ray):
    rng = np.random.default_rng(0)
    ray.doomed = 2  # Ray has not noticed that a node is gone
    with DistributedWriter(tmp_path, vocabulary_size=WIDTH, shards=2) as changes:
        changes.upsert(["a", "b"], matrix(rng, 2))
        changes.commit()
        changes.upsert(["c"], matrix(rng, 1))
        actors(ray, "ShardWriter")[-1].dead = True
        with pytest.raises(LostChangesError, match="make them again"):
            changes.commit()
        changes.upsert(["d"], matrix(rng, 1))
    with DistributedIndex(tmp_path) as index:
        assert index.ids == ["a", "b", "d"]


class Full:
    """Counts what storages are asked to write, and fails from one such request on."""

    requests, room, late = 0, 10**9, False

    @classmethod
    def take(cls, write, *arguments):
        cls.requests += 1
        failed = cls.requests > cls.room
        if cls.late or not failed:
            write(*arguments)
        if failed:
            raise OSError(errno.ENOSPC, "No space left on device")


@dataclass(frozen=True)
class FullStorage(FolderStorage):
    """A folder on a disk that becomes full."""

    def write(self, name, data):
        Full.take(super().write, name, data)

    def store(self, path, name):
        Full.take(super().store, path, name)


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_a_commit_is_in_all_shards_or_in_none(tmp_path, monkeypatch, late):
    """Each write in turn fails, before or after it is done: readers find a whole state."""
    monkeypatch.setattr(Full, "late", late)
    for room in range(12):
        storage = FullStorage(str(tmp_path / str(room)))
        monkeypatch.setattr(Full, "room", 10**9)
        changes = DistributedWriter(storage, vocabulary_size=WIDTH, shards=3)
        rng = np.random.default_rng(room)
        old, new = [f"d{i}" for i in range(20)], [f"d{i}" for i in range(10, 30)]
        changes.upsert(old, matrix(rng, 20))
        changes.commit()
        changes.upsert(new, matrix(rng, 20))
        monkeypatch.setattr(Full, "room", Full.requests + room)
        with suppress(OSError):
            changes.commit()
        failed = Full.requests > Full.room
        with DistributedIndex(storage) as index:
            assert index.ids == (old if failed else old[:10] + new) or late
            assert index.ids in (old, old[:10] + new)
        monkeypatch.setattr(Full, "room", 10**9)
        if room % 2:  # another process goes on from the last commit
            changes.close()
            changes = DistributedWriter(storage)
            changes.upsert(new, matrix(rng, 20))
        changes.commit()  # the same goes on with what it has kept
        changes.close()
        with DistributedIndex(storage) as index:
            assert index.ids == old[:10] + new
            index.verify()
    assert failed is False and room == 11


def test_readers_beside_commits_see_whole_ones(tmp_path):
    """Each commit gives all documents one weight: a half commit would show two."""
    names = [f"d{i}" for i in range(9)]
    ones = scipy.sparse.csr_array(np.ones((9, WIDTH), np.float32))
    seen, over = set(), threading.Event()
    with (
        DistributedWriter(tmp_path, vocabulary_size=WIDTH, shards=3) as changes,
        DistributedIndex(tmp_path) as index,
    ):

        def read():
            while not over.is_set():
                index.refresh()
                scores = index.search(ones[[0]], 20).scores
                seen.add(tuple(sorted(set(scores[np.isfinite(scores)].tolist()))))

        reader = threading.Thread(target=read)
        reader.start()
        for weight in range(1, 15):
            changes.upsert(names, ones * np.float32(weight))
            changes.commit()
        over.set()
        reader.join()
    assert len(seen) > 1 and all(len(each) <= 1 for each in seen)


def test_a_commit_that_is_gone_is_refreshed(tmp_path, ray):
    rng = np.random.default_rng(0)
    with (
        DistributedWriter(tmp_path, vocabulary_size=WIDTH) as changes,
        DistributedIndex(tmp_path) as index,
    ):
        for number in range(6):
            changes.upsert([str(number)], matrix(rng, 1))
            changes.commit()
        assert len(index) == 0  # the commit that is open stays open
        index.search(matrix(rng, 1))
        actors(ray, "Shard")[0].dead = True
        with pytest.raises(UnavailableError, match=r"call refresh\(\)"):
            index.mask(["0"])
        assert index.refresh() and len(index) == 6


def test_damage_is_noticed(tmp_path):
    rng = np.random.default_rng(0)
    with DistributedIndex.build(matrix(rng, 30), storage=tmp_path, shards=2) as index:
        path = next(tmp_path.glob("shard-*/segment-*"))
        content = bytearray(path.read_bytes())
        content[200] ^= 1
        path.write_bytes(content)
        with pytest.raises(DamagedIndexError):
            index.verify()
    with pytest.raises(DamagedIndexError):
        DistributedIndex(tmp_path)
    (tmp_path / "commit-1.json").write_bytes(b"{}")
    with pytest.raises(DamagedIndexError, match="CRC-32"):
        DistributedIndex(tmp_path)


def test_a_url_is_a_storage(tmp_path):
    rng = np.random.default_rng(0)
    vectors = matrix(rng, 20)
    url = f"file://{tmp_path}/remote"
    assert isinstance(storage_at(url), RemoteStorage)
    with DistributedIndex.build(vectors, storage=url, shards=2) as index:
        with DistributedWriter(url) as changes:
            changes.delete(["3"])
        assert index.refresh() and "3" not in index.ids
        assert_same(index, Index.build(vectors[[i for i in range(20) if i != 3]], index.ids), rng)
