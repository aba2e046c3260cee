"""What goes wrong between shards at bad moments; Ray is of one process, as in `test_shards.py`."""

import time

import numpy as np
import pytest
import scipy.sparse

pytest.importorskip("ray")

from one_process_ray import started

from rarefy.errors import DamagedIndexError, InputError, UnavailableError
from rarefy.index import Index
from rarefy.index.distributed import DistributedIndex, DistributedWriter, writer
from rarefy.index.distributed.copies import fetch
from rarefy.index.distributed.shard_writer import ShardWriter
from rarefy.index.distributed.storage import FolderStorage
from rarefy.index.vectors import canonical

pytestmark = pytest.mark.jit


@pytest.fixture(autouse=True)
def ray(monkeypatch):
    return started(monkeypatch)


def weights(n):
    return scipy.sparse.csr_array(np.ones((n, 4), np.float32))


def test_a_process_that_was_given_up_and_still_stores_harms_no_commit(tmp_path):
    storage = FolderStorage(str(tmp_path / "storage"))
    name = "shard-0123456789abcdef"
    entry = ShardWriter(storage, name, None, 4, str(tmp_path)).prepare().entry
    given_up, instead = (ShardWriter(storage, name, entry, 4, str(tmp_path)) for _ in range(2))
    given_up.change((), ["a"], canonical(weights(1), what="vectors"))
    instead.change((), ["b"], canonical(weights(1), what="vectors"))
    given_up.prepare()
    committed = instead.prepare().entry
    (tmp_path / "reader").mkdir()
    fetch(storage, committed, tmp_path / "reader")
    assert Index.open(tmp_path / "reader").ids == ["b"]


def test_an_index_that_another_made_meanwhile_is_not_replaced(tmp_path, monkeypatch):
    claim = writer.claim

    def late(storage):
        monkeypatch.setattr(writer, "claim", claim)
        with DistributedWriter(storage, vocabulary_size=4) as other:
            other.upsert(["a"], weights(1))
        return claim(storage)

    monkeypatch.setattr(writer, "claim", late)
    with DistributedWriter(tmp_path, vocabulary_size=4) as changes:
        changes.upsert(["b"], weights(1))
    with DistributedIndex(tmp_path) as index:
        assert index.ids == ["a", "b"]


@pytest.mark.parametrize("where", ["_all", "sweep"])
def test_a_writer_that_is_interrupted_stays_whole(tmp_path, monkeypatch, where):
    def interrupted(call):
        def run(*arguments):
            call(*arguments)
            raise KeyboardInterrupt

        return run

    with DistributedWriter(tmp_path, vocabulary_size=4, shards=2) as changes:
        changes.upsert(["a", "b"], weights(2))
        changes.commit()
        owner = writer if where == "sweep" else changes
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(owner, where, interrupted(getattr(owner, where)))
            changes.delete(["a"])
            changes.commit()
        gone = ["a"] if where == "sweep" else []
        changes.upsert(["c"], weights(1))
        changes.delete(["b"])
    with DistributedIndex(tmp_path) as index:
        assert index.ids == [name for name in ["a", "c"] if name not in gone]
        assert len(index) == len(index.ids)


def test_a_damaged_commit_is_replaced_by_a_build(tmp_path):
    with DistributedIndex.build(weights(3), storage=tmp_path, shards=1):
        pass
    with DistributedWriter(tmp_path) as changes:
        changes.delete(["0"])
    (tmp_path / "commit-2.json").write_bytes(b"{}")
    with pytest.raises(InputError):
        DistributedIndex(tmp_path)
    with DistributedIndex.build(weights(5), storage=tmp_path, shards=2) as index:
        assert len(index) == 5


def test_a_shard_without_replicas_does_not_keep_others_from_answering(tmp_path, monkeypatch):
    with DistributedIndex.build(weights(6), storage=tmp_path, shards=2) as index:
        for shard in range(2):
            name = index._view.commit.shards[shard].name
            lost = next(each for each in index._fleet._replicas if each.shard == name)
            with monkeypatch.context() as patch:
                patch.setattr(index._fleet, "_start", lambda *_: None)
                lost.handle.dead = True
                hits = index.search(weights(1), 6, deadline=2, partial=True)
                assert hits.missing == (name,)
                found = [["3", "4", "5"], ["0", "1", "2"]][shard]
                assert hits.ids[0].tolist() == [*found, None, None, None]
            assert index.search(weights(1), 6, deadline=20).ids[0, 5] == "5"


def test_a_refresh_that_fails_leaves_the_fleet_as_it_was(tmp_path):
    with DistributedIndex.build(weights(6), storage=tmp_path, shards=2) as index:
        until = time.monotonic() + 20
        with DistributedIndex.build(weights(9), storage=tmp_path, shards=3):
            pass
        path = max(tmp_path.glob("shard-*/segment-*"), key=lambda each: each.stat().st_mtime)
        content = path.read_bytes()
        path.write_bytes(content[:-1])
        with pytest.raises(DamagedIndexError):
            index.refresh()
        while sum(map(len, index.nodes.values())) != 2:
            assert time.monotonic() < until, index.nodes
            time.sleep(0.01)
        assert len(index.search(weights(1), 9).ids[0]) == 9 and len(index) == 6
        path.write_bytes(content)
        assert index.refresh() and len(index) == 9


@pytest.mark.parametrize("kind", ["folder", "url"])
def test_what_a_crash_left_half_written_is_swept(tmp_path, kind):
    storage = str(tmp_path) if kind == "folder" else f"file://{tmp_path}"
    with DistributedWriter(storage, vocabulary_size=4) as changes:
        changes.upsert(["a"], weights(1))
    folder = next(tmp_path.glob("shard-*"))
    half = folder / "segment-0123456789abcdef.rarefy.partial"
    half.write_bytes(b"half")
    with DistributedWriter(storage):
        pass
    assert not half.exists()


def test_a_storage_that_comes_back_is_read_again_by_refresh(tmp_path):
    with DistributedIndex.build(weights(6), storage=tmp_path / "here", shards=2) as index:
        (tmp_path / "here").rename(tmp_path / "away")
        next(each for each in index._fleet._replicas).handle.dead = True
        with pytest.raises(UnavailableError, match=r"call refresh\(\)"):
            index.search(weights(1), deadline=20)
        (tmp_path / "away").rename(tmp_path / "here")
        assert not index.refresh()
        assert index.search(weights(1), 6, deadline=20).ids[0, 5] == "5"
