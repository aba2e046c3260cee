"""Whatever operation of the file system fails, an index holds what was committed."""

from __future__ import annotations

from itertools import count

import pytest
from faults import ERRORS, FaultyFiles
from lives import COLUMNS, content, expected, vectors, weights
from proofs import crashes, damage, kills, together

from rarefy.index import Index, Writer


@pytest.mark.parametrize("seed", [None, 0], ids=["killed", "without power"])
def test_a_kill_at_any_operation_loses_nothing_committed(memory, seed):
    counts = crashes.at_every_operation(memory, 4, [seed], stride=3)
    assert counts["deaths" if seed is None else "losses of power"] > 40


def test_a_kill_at_every_operation_of_a_commit_loses_nothing_committed(memory):
    assert crashes.at_every_operation(memory, 1, [1])["losses of power"] > 25


def test_a_kill_while_recovering_loses_nothing_committed(memory):
    counts = crashes.in_recovery(memory, 3, 0, stride=29, again_stride=5)
    assert counts["deaths while recovering"] > 10


@pytest.mark.parametrize("seed", range(2))
def test_kill_after_kill_loses_nothing_committed(memory, seed):
    assert crashes.kill_after_kill(memory / "home", 30, seed)["deaths in a row"] > 10


def test_an_error_at_any_operation_is_said_and_survived(memory):
    assert crashes.at_every_error(memory, 4, stride=9)["of these raised"] > 40


@pytest.mark.jit
def test_a_writer_that_is_killed_from_outside_loses_no_commit(tmp_path):
    counts = kills.at_random(tmp_path, 4, seed=0)
    assert counts["kills"] == 4 and counts["results of readers"]


@pytest.mark.jit
def test_whoever_reads_while_another_writes_sees_commits_alone(tmp_path):
    counts = together.read_and_written(tmp_path, 2, threads=3, processes=2)
    assert counts["commits"] and counts["results of threads"] and counts["of processes"]


def test_changed_and_cut_files_are_refused(memory):
    counts = damage.everywhere(memory, stride=29)
    assert counts["refused"] > 300 and not counts["wrong"]


def test_a_writer_goes_on_after_an_error(tmp_path):
    """Whichever operation of a commit fails, the next commit has all of it, or rollback none."""
    for at in count():
        for forget in (False, True):
            folder = tmp_path / f"{at} {forget}"
            files = FaultyFiles(error=ERRORS[0])
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
            if files.failed is None:
                assert at > 8, "few operations were seen"
                return
            if failed and forget:
                writer.rollback()
            writer.upsert(["d"], vectors(weights(4)))
            writer.commit()
            writer.close()
            kept = {"a": 0, "b": 1} if failed and forget else {"a": 0, "b": 2, "c": 3}
            assert content(Index.open(folder)) == expected(kept | {"d": 4})
            Index.verify(folder)
