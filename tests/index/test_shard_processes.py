"""What processes of shards bear, and what their owner says once they are gone.

Ray is of one process here, as in `test_shards.py`.
"""

import errno
import itertools
import os
import pickle
import tempfile
import threading
import time

import numpy as np
import pytest
import scipy.sparse

pytest.importorskip("ray")

from one_process_ray import started

from rarefy.errors import DamagedIndexError, DeadlineError, InputError, UnavailableError
from rarefy.index.distributed import DistributedIndex, DistributedWriter, connection, fleet
from rarefy.index.distributed.connection import Connection, wait
from rarefy.index.distributed.replica import PULSE
from rarefy.index.distributed.shard import SEARCHES, Shard
from rarefy.index.distributed.workspace import Workspace
from rarefy.index.snapshot import Snapshot

pytestmark = pytest.mark.jit


@pytest.fixture(autouse=True)
def ray(monkeypatch):
    return started(monkeypatch)


def weights(n):
    return scipy.sparse.csr_array(np.ones((n, 4), np.float32))


def eventually(holds):
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_long_searches_keep_no_process_from_saying_that_it_is_there(tmp_path, monkeypatch):
    with DistributedIndex.build(weights(6), storage=tmp_path, shards=1) as index:
        go_on, search, found = threading.Event(), Snapshot.search, []

        def long(*arguments):
            assert go_on.wait(60)
            return search(*arguments)

        monkeypatch.setattr(Snapshot, "search", long)
        clients = [
            threading.Thread(target=lambda: found.append(index.search(weights(1))))
            for _ in range(SEARCHES + 4)
        ]
        for each in clients:
            each.start()
        (replica,) = index._fleet._replicas
        eventually(lambda: replica.handle.calls.count("call") == len(clients))
        look = Connection(replica.address)
        look.begin(PULSE)
        eventually(lambda: any(each.go_on() for each in wait([look], 1)))
        assert not found
        go_on.set()
        for each in clients:
            each.join()
        assert len(found) == len(clients) and index._fleet._replicas == [replica]


def test_a_connection_that_was_cut_while_idle_loses_no_replica(tmp_path):
    with DistributedIndex.build(weights(6), storage=tmp_path, shards=2) as index:
        index.search(weights(1))
        before = list(index._fleet._replicas)
        for replica in before:
            for each in list(replica.handle.listener._connected):
                each.shutdown(2)
        assert index.search(weights(1), 6).ids[0, 5] == "5"
        assert index._fleet._replicas == before


def test_who_can_have_no_more_connections_loses_no_replica(tmp_path, monkeypatch):
    def full(host):
        raise OSError(errno.EMFILE, "Too many open files")

    with DistributedIndex.build(weights(6), storage=tmp_path, shards=2) as index:
        before = list(index._fleet._replicas)
        with monkeypatch.context() as patch:
            patch.setattr(connection, "_socket", full)
            for replica in before:
                replica.renew()
            with pytest.raises(UnavailableError, match="Too many open files"):
                index.search(weights(1))
            time.sleep(0.05)  # some looks
        assert index.search(weights(1), 6).ids[0, 5] == "5"
        assert index._fleet._replicas == before


def test_a_request_that_cannot_be_read_is_answered_by_its_error(tmp_path):
    with DistributedIndex.build(weights(6), storage=tmp_path, shards=1) as index:
        (replica,) = index._fleet._replicas
        failed, error = pickle.loads(replica.handle.made.call(b"no pickle"))
        assert failed and isinstance(error, pickle.UnpicklingError)
        failed, error = pickle.loads(replica.handle.made.call(pickle.dumps(("nothing",))))
        assert failed and isinstance(error, AttributeError)


def test_a_replica_that_was_slow_once_is_asked_first_again(tmp_path, monkeypatch):
    with DistributedIndex.build(weights(6), storage=tmp_path, shards=1, replicas=2) as index:
        eventually(lambda: index.strong)
        shard = index._fleet._replicas[0].shard
        first, second = index._fleet.of(shard)
        with monkeypatch.context() as patch:
            patch.setattr(index._fleet, "_beat", lambda: None)  # no looks meanwhile
            time.sleep(0.2)
            first.suspect = True
            assert {index._fleet.of(shard)[0] for _ in range(2)} == {second}  # they take turns
        eventually(lambda: not first.suspect)
        assert {index._fleet.of(shard)[0] for _ in range(2)} == {first, second}


def test_a_replica_is_given_its_time_however_many_others_are_lost(tmp_path, monkeypatch):
    with DistributedIndex.build(weights(6), storage=tmp_path, shards=2) as index:
        monkeypatch.setattr(fleet, "MISSED", 5)
        monkeypatch.setattr(fleet, "BEAT", 60.0)
        before = list(index._fleet._replicas)
        for replica in before:
            replica.handle.listener.answer = lambda _: time.sleep(60)
        look, looks = index._fleet._beat, itertools.count()
        monkeypatch.setattr(index._fleet, "_beat", lambda: (next(looks), look()))
        while next(looks) < 100:
            index._fleet.lost(None)  # another one
            time.sleep(0.005)
        assert index._fleet._replicas == before


def test_a_process_that_cannot_start_is_not_started_all_the_time(tmp_path, monkeypatch, ray):
    with DistributedIndex.build(weights(6), storage=tmp_path, shards=1) as index:

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Shard, "prepare", full)
        monkeypatch.setattr(fleet, "BEAT", 1.0)
        before, (shard,) = len(ray.actors), index.shards
        index._fleet.lost(index._fleet._replicas[0])
        eventually(lambda: len(ray.actors) > before + 1)
        time.sleep(0.3)
        assert len(ray.actors) <= before + 3
        with pytest.raises(DeadlineError, match=r"failed with OSError\(28, 'No space"):
            index._fleet.wait_for(shard, 0)


def test_a_refresh_waits_for_a_replica_in_the_place_of_one_that_was_lost(tmp_path, monkeypatch):
    with DistributedIndex.build(weights(6), storage=tmp_path, shards=1) as index:
        with DistributedWriter(tmp_path) as writer:
            writer.upsert(["x"], weights(1))
        monkeypatch.setattr(fleet, "BEAT", 1.0)
        time.sleep(0.05)  # the last look by the time of before is over
        index._fleet._replicas[0].handle.dead = True
        assert index.refresh(deadline=float("inf"))
        assert len(index) == 7 and index.search(weights(1), 7).ids[0, 6] == "x"


def test_who_searches_while_shards_go_is_answered_by_the_new_ones(tmp_path, monkeypatch):
    with DistributedIndex.build(weights(6), storage=tmp_path, shards=1) as index:
        with DistributedWriter(tmp_path) as writer:
            writer.split(next(iter(writer.shards)))
        keep, found = index._fleet.keep, []

        def kept(names):
            keep(names)
            found.append(index.search(weights(1), 6).ids[0, 5])

        monkeypatch.setattr(index._fleet, "keep", kept)
        index.refresh()
        assert found == ["5"]


def test_an_index_that_is_closed_says_so(tmp_path, monkeypatch):
    index = DistributedIndex.build(weights(600), storage=tmp_path, shards=2)
    waiting = threading.Event()
    monkeypatch.setattr(index._fleet, "_start", lambda *_: waiting.set())
    for each in list(index._fleet._replicas):
        each.handle.dead = True
    raised = []

    def search():
        try:
            index.search(weights(1), deadline=300)
        except InputError as error:
            raised.append(error)

    client = threading.Thread(target=search)
    client.start()
    assert waiting.wait(60)
    index.close()
    client.join(60)
    assert "the index is closed" in str(raised[0])
    for call in [
        lambda: index.search(weights(600)),
        lambda: index.search(weights(1)),
        lambda: index.refresh(),
        lambda: index.mask(["1"]),
        lambda: index.ids,
        lambda: index.verify(),
    ]:
        with pytest.raises(InputError, match="the index is closed"):
            call()


def test_a_commit_that_is_listed_and_cannot_be_read_is_damage(tmp_path):
    with DistributedIndex.build(weights(6), storage=tmp_path, shards=1):
        pass
    (tmp_path / "commit-2.json").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DamagedIndexError, match="is listed and cannot be read"):
        DistributedIndex(tmp_path)


@pytest.mark.parametrize("how", ["link", "open"])
def test_a_folder_that_others_can_change_is_refused(tmp_path, monkeypatch, how):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    Workspace().close()
    home = tmp_path / f"rarefy-{os.getuid()}"
    assert home.stat().st_mode & 0o777 == 0o700
    if how == "open":
        home.chmod(0o777)
    else:
        home.rmdir()
        (tmp_path / "theirs").mkdir()
        home.symlink_to(tmp_path / "theirs")
    with pytest.raises(InputError, match="scratch="):
        Workspace()
    Workspace(tmp_path / "mine").close()
