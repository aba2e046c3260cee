"""Whatever operation fails beside a merge in the background, an index holds what was committed."""

from __future__ import annotations

import numpy as np
import pytest
from faults import ERRORS, FaultyFiles, Killed
from lives import COLUMNS, Gate, content, end_of_merges, expected, vectors, weights

from rarefy.index import Index, Writer, tiers


def end(writer):
    """Do as the end of the process would."""
    end_of_merges()
    if writer is not None and writer._lock is not None:
        writer._lock.release()


def found_in(folder, states):
    """Return the state that the folder holds, which is one of these, checked."""
    Index.verify(folder)
    index = Index.open(folder)
    (found,) = [state for state in states if content(index) == expected(state)][-1:]
    return found


def live_beside_a_merge(folder, files, acknowledged):
    """Begin a merge, commit changes, let the merge go on while others are pending, commit them."""
    state = dict(acknowledged[-1])
    writer = None
    with Gate() as gate:
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
def test_a_kill_beside_a_merge_loses_nothing_committed(tmp_path, power):
    counting, states = FaultyFiles(), [{}]
    live_beside_a_merge(tmp_path / "counted", counting, states)
    assert len(Index.open(tmp_path / "counted")._snapshot.parts) == 2
    for at in range(counting.count):
        folder = tmp_path / str(at) / "index"
        files, states = FaultyFiles(at), [{}]
        with pytest.raises(Killed):
            live_beside_a_merge(folder, files, states)
        if power:
            files.lose_power(np.random.default_rng(at))
        with Writer(folder, vocabulary_size=COLUMNS):
            pass
        assert found_in(folder, states) in states


def test_an_error_beside_a_merge_is_said_and_survived(tmp_path):
    counting = FaultyFiles()
    live_beside_a_merge(tmp_path / "counted", counting, [{}])
    for at in range(counting.count):
        folder, states, error = tmp_path / str(at) / "index", [{}], ERRORS[at % 2]
        try:
            live_beside_a_merge(folder, FaultyFiles(at, error), states)
        except OSError as raised:
            assert raised.errno == error
        if folder.exists():
            with Writer(folder, vocabulary_size=COLUMNS):
                pass
            assert found_in(folder, states) in states
