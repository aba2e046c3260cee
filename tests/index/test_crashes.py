"""Whatever operation of the file system fails, an index holds what was committed."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rarefy.index import Index, Writer, tiers

LIVES = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("lives.py"))))
COLUMNS, NAMES = LIVES.COLUMNS, LIVES.NAMES
content, expected, vectors, weights = LIVES.content, LIVES.expected, LIVES.vectors, LIVES.weights


def live(folder, files, acknowledged, seed=0, background=False):
    """Upsert, delete, commit and merge; write down each state before and after its commit."""
    rng = np.random.default_rng(seed)
    state = dict(acknowledged[-1])
    writer = None
    try:
        writer = Writer(
            folder,
            vocabulary_size=COLUMNS,
            buffer_bytes=600,
            background=background,
            files=files,
        )
        for step in range(6):
            names = rng.choice(NAMES, 3, replace=False).tolist()
            seeds = rng.integers(0, 100, 3).tolist()
            writer.upsert(names, vectors(*map(weights, seeds)))
            for name, of_name in zip(names, seeds, strict=True):
                state.pop(name, None)
                state[name] = of_name
            gone = rng.choice(NAMES, 2, replace=False).tolist()
            assert writer.delete(gone) == sum(name in state for name in gone)
            for name in gone:
                state.pop(name, None)
            acknowledged.append(dict(state))
            writer.merge() if step == 3 else writer.commit()
            del acknowledged[:-1]
        writer.close()
    finally:
        end(writer)


def end(writer):
    """Do as the end of the process would."""
    LIVES.end_of_merges()
    if writer is not None and writer._lock is not None:
        writer._lock.release()


def found_in(folder, states):
    """Return the state that the folder holds, which is one of these, checked."""
    Index.verify(folder)
    index = Index.open(folder)
    (found,) = [state for state in states if content(index) == expected(state)][-1:]
    return found


@pytest.fixture(scope="module")
def operations(faults, tmp_path_factory):
    """How many operations a life takes."""
    counting = faults.FaultyFiles()
    live(tmp_path_factory.mktemp("counted") / "index", counting, [{}])
    return counting.count


@pytest.mark.parametrize("power", [False, True], ids=["killed", "without power"])
def test_a_kill_at_any_operation_loses_nothing_committed(tmp_path, faults, operations, power):
    assert operations > 100
    for at in range(operations):
        folder = tmp_path / str(at) / "index"
        files, states = faults.FaultyFiles(at), [{}]
        with pytest.raises(faults.Killed):
            live(folder, files, states)
        if power:
            files.lose_power(np.random.default_rng(at))
        with Writer(folder, vocabulary_size=COLUMNS):
            pass
        found = found_in(folder, states)
        states = [found]
        live(folder, faults.FaultyFiles(), states, seed=1)
        assert found_in(folder, states) == states[-1]


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_kill_after_kill_loses_nothing_committed(tmp_path, faults, operations, seed, background):
    rng = np.random.default_rng(seed)
    folder, states = tmp_path / "index", [{}]
    kills = 0
    for cycle in range(40):
        files = faults.FaultyFiles(int(rng.integers(operations)))
        try:
            live(folder, files, states, cycle, background)
        except faults.Killed:
            files.lose_power(rng)
            kills += 1
        with Writer(folder, vocabulary_size=COLUMNS):
            pass
        found = found_in(folder, states)
        assert found in states
        states = [found]
    assert kills > 10


def test_an_error_at_any_operation_is_said_and_survived(tmp_path, faults, operations):
    for at in range(operations):
        for error in faults.ERRORS:
            folder, states = tmp_path / f"{at} {error}" / "index", [{}]
            try:
                live(folder, faults.FaultyFiles(at, error), states)
            except OSError as raised:
                assert raised.errno == error
            if folder.exists():
                with Writer(folder, vocabulary_size=COLUMNS):
                    pass
                assert found_in(folder, states) in states


def test_a_writer_goes_on_after_an_error(tmp_path, faults):
    """Whichever operation of a commit fails, the next commit has all of it, or rollback none."""
    for at in range(20):
        for forget in (False, True):
            folder = tmp_path / f"{at} {forget}"
            files = faults.FaultyFiles(error=faults.ERRORS[0])
            writer = Writer(folder, vocabulary_size=COLUMNS, files=files)
            writer.upsert(["a", "b"], vectors(weights(0), weights(1)))
            writer.commit()
            writer.upsert(["b", "c"], vectors(weights(2), weights(3)))
            files.at = files.count + at
            failed = False
            try:
                writer.commit()
            except OSError:
                failed = True
                assert len(Index.open(folder)) in (2, 3)
            files.at = None
            if failed and forget:
                writer.rollback()
            writer.upsert(["d"], vectors(weights(4)))
            writer.commit()
            writer.close()
            kept = {"a": 0, "b": 1} if failed and forget else {"a": 0, "b": 2, "c": 3}
            assert content(Index.open(folder)) == expected(kept | {"d": 4})
            Index.verify(folder)


def live_beside_a_merge(folder, files, acknowledged):
    """Begin a merge, commit changes, let the merge go on while others are pending, commit them."""
    state = dict(acknowledged[-1])
    writer = None
    with LIVES.Gate() as gate:
        try:
            writer = Writer(folder, vocabulary_size=COLUMNS, files=files)

            def change(step, gone=()):
                writer.upsert([f"d{step}"], vectors(weights(step)))
                assert writer.delete(gone) == len(gone)
                for name in gone:
                    state.pop(name)
                state[f"d{step}"] = step

            def commit():
                acknowledged.append(dict(state))
                writer.commit()
                del acknowledged[:-1]

            for step in range(tiers.FACTOR):
                change(step)
                commit()
            gate.wait()
            change(10, gone=["d1", "d2"])
            commit()
            change(11, gone=["d3", "d10"])
            gate.let_through(writer)
            commit()
            writer.close()
        finally:
            gate.open.set()
            end(writer)


@pytest.mark.parametrize("power", [False, True], ids=["killed", "without power"])
def test_a_kill_beside_a_merge_loses_nothing_committed(tmp_path, faults, power):
    counting, states = faults.FaultyFiles(), [{}]
    live_beside_a_merge(tmp_path / "counted", counting, states)
    assert len(Index.open(tmp_path / "counted")._snapshot.parts) == 2
    for at in range(counting.count):
        folder = tmp_path / str(at) / "index"
        files, states = faults.FaultyFiles(at), [{}]
        with pytest.raises(faults.Killed):
            live_beside_a_merge(folder, files, states)
        if power:
            files.lose_power(np.random.default_rng(at))
        with Writer(folder, vocabulary_size=COLUMNS):
            pass
        assert found_in(folder, states) in states


def test_an_error_beside_a_merge_is_said_and_survived(tmp_path, faults):
    counting = faults.FaultyFiles()
    live_beside_a_merge(tmp_path / "counted", counting, [{}])
    for at in range(counting.count):
        folder, states, error = tmp_path / str(at) / "index", [{}], faults.ERRORS[at % 2]
        try:
            live_beside_a_merge(folder, faults.FaultyFiles(at, error), states)
        except OSError as raised:
            assert raised.errno == error
        if folder.exists():
            with Writer(folder, vocabulary_size=COLUMNS):
                pass
            assert found_in(folder, states) in states
