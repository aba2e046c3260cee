"""Segments become one in the background: nothing waits for it, and it changes nothing."""

from __future__ import annotations

import errno
import os
import sys
import threading

import numpy as np
import pytest
from lives import COLUMNS, Gate, content, end_of_merges, expected, vectors, weights

from rarefy.errors import DamagedIndexError
from rarefy.index import Index, Writer, merges, tiers, writer
from rarefy.index.merges import Merges
from rarefy.index.storage.ids import Ids


@pytest.fixture
def gate():
    with Gate() as gate:
        yield gate


@pytest.fixture
def files(faults):
    return faults.FaultyFiles(error=errno.ENOSPC)


@pytest.fixture
def merging(tmp_path, gate, files):
    """A writer, one merge of which waits at the gate."""
    merging = Writer(tmp_path / "index", vocabulary_size=COLUMNS, files=files)
    fill(merging, tiers.FACTOR)
    gate.wait()
    yield merging
    gate.open.set()
    merging.close()


def fill(writer, n, first=0):
    """Commit documents, each alone."""
    for i in range(first, first + n):
        writer.upsert([f"d{i}"], vectors(weights(i)))
        writer.commit()


def state(n, *gone):
    return {f"d{i}": i for i in range(n) if i not in gone}


def parts(writer):
    return len(Index.open(writer._folder)._snapshot.parts)


def holds(writer, state):
    Index.verify(writer._folder)
    return content(Index.open(writer._folder)) == expected(state)


def test_commits_and_readers_do_not_wait(merging, gate):
    reader = Index.open(merging._folder)
    fill(merging, 2, tiers.FACTOR)
    assert reader.refresh() and content(reader) == expected(state(10))
    assert parts(merging) == 10
    gate.let_through(merging)
    assert parts(merging) == 3
    assert reader.refresh() and content(reader) == expected(state(10))
    assert holds(merging, state(10))


def test_what_is_deleted_meanwhile_stays_deleted(merging, gate):
    merging.delete(["d0", "d3"])
    merging.upsert(["d4"], vectors(weights(20)))
    merging.commit()
    merging.delete(["d1", "d4"])  # is not committed
    merging.upsert(["d5"], vectors(weights(21)))
    gate.let_through(merging)
    assert parts(merging) == 2
    assert holds(merging, {**state(8, 0, 3, 4), "d4": 20})
    merging.commit()
    assert holds(merging, {**state(8, 0, 1, 3, 4, 5), "d5": 21})


def test_what_is_rolled_back_stays_rolled_back(merging, gate):
    merging.delete(["d0"])
    merging.rollback()
    merging.delete(["d1"])
    gate.let_through(merging)
    assert parts(merging) == 1
    merging.rollback()
    merging.commit()
    assert holds(merging, state(8))


def test_what_is_spilled_meanwhile_is_kept(tmp_path, gate):
    with Writer(tmp_path / "index", vocabulary_size=COLUMNS, buffer_bytes=0) as spilling:
        fill(spilling, tiers.FACTOR)
        gate.wait()
        spilling.upsert(["d8"], vectors(weights(8)))
        gate.let_through(spilling)
        assert holds(spilling, state(8))
    assert holds(spilling, state(9))


@pytest.mark.parametrize("gone", [range(8), range(7), range(1, 8), range(2, 6)])
def test_segments_that_go_meanwhile(merging, gate, gone):
    merging.delete([f"d{i}" for i in gone])
    merging.commit()
    merging.upsert(["d9"], vectors(weights(9)))
    merging.commit()
    gate.let_through(merging)
    assert parts(merging) == (1 if len(gone) == 8 else 2)
    assert holds(merging, {**state(8, *gone), "d9": 9})


def test_merges_go_on_while_a_large_one_runs(merging, gate):
    fill(merging, 2 * tiers.FACTOR, tiers.FACTOR)
    gate.wait()
    gate.wait()
    gate.let_through(merging)
    assert parts(merging) == 3 and holds(merging, state(24))


def test_one_merge_leads_to_the_next(merging, gate):
    fill(merging, tiers.FACTOR - 1, tiers.FACTOR)
    gate.let_through(merging)
    assert parts(merging) == 1 and holds(merging, state(15))


def test_a_merge_of_all_waits_for_those_that_run(merging, gate):
    merging.delete(["d1"])
    gate.open.set()
    merging.merge()
    assert parts(merging) == 1 and holds(merging, state(8, 1))


def test_closing_waits_and_begins_no_other(merging, gate):
    fill(merging, tiers.FACTOR - 1, tiers.FACTOR)
    gate.open.set()
    merging.close()
    assert parts(merging) == tiers.FACTOR and holds(merging, state(15))
    end_of_merges()
    with Writer(merging._folder) as other:
        other.commit()
    assert parts(other) == 1 and holds(other, state(15))


def test_a_merge_that_ends_after_its_writer_changes_nothing(merging, gate):
    merging._lock.release()
    merging._lock = None
    before = sorted(merging._folder.glob("manifest-*"))
    gate.open.set()
    end_of_merges()
    assert sorted(merging._folder.glob("manifest-*")) == before
    with Writer(merging._folder, background=False) as other:
        other.commit()
    assert parts(other) == 1 and holds(other, state(8))


def test_a_merge_does_not_take_back_a_commit_that_could_be_seen(merging, gate, files):
    merging.upsert(["d8"], vectors(weights(8)))
    renamed = files.rename

    def failing(old, new):
        renamed(old, new)
        raise OSError(errno.EIO, "after the last step")

    files.rename = failing
    with pytest.raises(OSError, match="after the last step"):
        merging.commit()
    files.rename = renamed
    gate.let_through(merging)
    assert holds(merging, state(9))
    merging.rollback()
    assert holds(merging, state(8))
    merging.commit()
    gate.let_through(merging)
    assert parts(merging) == 1 and holds(merging, state(8))


@pytest.mark.parametrize("ask", ["commit", "merge", "close"])
def test_an_error_is_raised_by_whoever_asks_next(merging, gate, files, ask):
    files.at = files.count
    gate.let_through(merging)
    merging.upsert(["d8"], vectors(weights(8)))
    with pytest.raises(OSError, match="No space left") as raised:
        getattr(merging, ask)()
    assert raised.value.__notes__ == [
        "segments could not be merged; what was committed is committed"
    ]
    assert holds(merging, state(8 if ask == "close" else 9))
    if ask != "close":
        gate.open.set()
        merging.merge()
        assert parts(merging) == 1
    else:
        Writer(merging._folder).close()


def test_an_error_of_a_merge_at_any_operation_loses_nothing(tmp_path, gate, files):
    at, failed = 0, True
    while failed:
        folder = tmp_path / str(at)
        with Writer(folder, vocabulary_size=COLUMNS, files=files) as failing:
            fill(failing, tiers.FACTOR)
            gate.wait()
            failing.delete(["d0"])
            failing.commit()
            files.at = first = files.count + at
            gate.let_through(failing)
            failed = files.count > first
            files.at = files.at if failed else None
            assert holds(failing, state(8, 0))
            failing.upsert(["d8"], vectors(weights(8)))
            try:
                failing.commit()
            except OSError as error:
                assert error.errno == errno.ENOSPC
            assert holds(failing, state(9, 0))
            gate.open.set()
            failing.merge()
            gate.open.clear()
            assert parts(failing) == 1 and holds(failing, state(9, 0))
        at += 1
    assert at > 10


def test_damage_is_not_merged(tmp_path):
    folder = tmp_path / "index"
    damaged = Writer(folder, vocabulary_size=COLUMNS)
    fill(damaged, 1)
    (path,) = folder.glob("segment-*")
    bytes_ = bytearray(path.read_bytes())
    bytes_[64] ^= 1
    path.write_bytes(bytes_)
    fill(damaged, tiers.FACTOR - 2, 1)
    damaged.upsert(["d7"], vectors(weights(7)))
    damaged.commit()
    end_of_merges()
    for ask in (damaged.commit, damaged.merge):
        with pytest.raises(DamagedIndexError, match="CRC-32"):
            ask()
    damaged.close()
    assert len(Index.open(folder, verify=False)) == 8


def test_ids_are_joined_as_if_they_were_given_at_once():
    rng = np.random.default_rng(0)
    names = [f"{'äß𝄞'[: i % 4]}{i}" for i in range(300)]
    first, second, third = (names[i : i + 100] for i in (0, 100, 200))
    rows = np.flatnonzero(rng.random(100) < 0.5)
    pieces = [(first, np.arange(100)), (second, rows), (third, rows[:0])]
    joined = Ids.joined([(Ids.of(each), taken) for each, taken in pieces])
    whole = Ids.of([each[row] for each, taken in pieces for row in taken])
    assert joined.names() == whole.names()
    ours = joined.blob, joined.ends, *joined.by_hash
    theirs = whole.blob, whole.ends, *whole.by_hash
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.dtype == other.dtype and (mine == other).all()
    assert len(Ids.joined([])) == 0


def test_a_refresh_checks_new_files_as_opening_did(tmp_path):
    folder = tmp_path / "index"
    with Writer(folder, vocabulary_size=COLUMNS) as other:
        fill(other, 1)
        checked, unchecked = Index.open(folder), Index.open(folder, verify=False)
        before = set(folder.glob("segment-*"))
        fill(other, 1, 1)
    (path,) = set(folder.glob("segment-*")) - before
    content = bytearray(path.read_bytes())
    content[64] ^= 1
    path.write_bytes(content)
    assert unchecked.refresh() and len(unchecked) == 2
    with pytest.raises(DamagedIndexError, match="CRC-32"):
        checked.refresh()


def test_a_block_that_fails_says_its_own_error(tmp_path, gate, files):
    with (
        pytest.raises(ZeroDivisionError),
        Writer(tmp_path / "index", vocabulary_size=COLUMNS, files=files) as failing,
    ):
        fill(failing, tiers.FACTOR)
        gate.wait()
        files.at = files.count
        gate.let_through(failing)
        raise ZeroDivisionError
    assert holds(failing, state(8))


def test_commits_wait_where_merges_cannot_keep_up(merging, gate, monkeypatch):
    monkeypatch.setattr(writer, "MOST_SEGMENTS", 10)
    wait = merging._merges.wait_until

    def waiting(enough):
        if not enough():
            gate.open.set()
        wait(enough)

    monkeypatch.setattr(merging._merges, "wait_until", waiting)
    fill(merging, 2, 8)
    assert not gate.open.is_set() and parts(merging) == 10
    fill(merging, 1, 10)
    assert gate.open.is_set() and parts(merging) <= 10
    assert holds(merging, state(11))


@pytest.mark.skipif(sys.platform != "linux", reason="priorities are of threads on Linux alone")
def test_merges_yield_to_searches(tmp_path, monkeypatch):
    seen = []

    def priority(self, merge):
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return work(self, merge)

    work = Merges._work
    monkeypatch.setattr(Merges, "_work", priority)
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with Writer(tmp_path / "index", vocabulary_size=COLUMNS) as changing:
        for i in range(tiers.FACTOR):
            changing.upsert([f"d{i}"], vectors(weights(i)))
            changing.commit()
    assert seen == [max(before, merges.NICENESS)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_merges_do_without_a_priority_that_the_system_refuses(tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError(errno.EACCES, "not permitted")

    monkeypatch.setattr(os, "setpriority", refused)
    changing = Writer(tmp_path / "index", vocabulary_size=COLUMNS)
    fill(changing, tiers.FACTOR)
    end_of_merges()
    assert not changing._merges._running  # or close waits for ever
    changing.close()
    assert parts(changing) == 1 and holds(changing, state(tiers.FACTOR))
