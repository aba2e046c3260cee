"""A writer is killed from outside while others read: each sees committed states alone, in order."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from itertools import count

import numpy as np
import pytest
import scipy.sparse as sp

from rarefy.index import Index, Writer

ROUNDS = 6
PROGRAM = """
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("test_kill", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.write(sys.argv[2], int(sys.argv[3]))
"""


def change(writer, step):
    """Make the changes of one commit: documents are named after the last digit of their step."""
    vector = sp.csr_array(np.array([[step % 5 + 1, step % 3, step + 1]], np.float32))
    writer.upsert([f"d{step % 10}"], vector)
    writer.delete([f"d{step * 7 % 10}"] if step % 4 == 0 else [])


def states(n):
    """Return what the index holds after each of n commits: ids and the third weights, by row."""
    found, state = [[]], {}
    for step in range(n):
        state.pop(f"d{step % 10}", None)
        state[f"d{step % 10}"] = step + 1
        if step % 4 == 0:
            state.pop(f"d{step * 7 % 10}", None)
        found.append(list(state.items()))
    return found


def write(folder, step):
    """Commit for ever, and say so each time."""
    with Writer(folder, vocabulary_size=3) as writer:
        for i in count(step):
            change(writer, i)
            writer.commit()
            sys.stdout.write(f"{i + 1}\n")
            sys.stdout.flush()


def read(index):
    """Return ids and third weights, by row."""
    hits = index.search(sp.csr_array(np.array([[0, 0, 1]], np.float32)), k=20)
    order = [i for i in np.argsort(hits.rows[0]) if hits.rows[0][i] >= 0]
    return [(hits.ids[0][i], int(hits.scores[0][i])) for i in order]


@pytest.mark.jit
def test_a_killed_writer_loses_no_commit_and_readers_see_commits_alone(tmp_path):
    folder = tmp_path / "index"
    with Writer(folder, vocabulary_size=3):
        pass
    rng = np.random.default_rng(0)
    committed, seen = 0, 0
    known = states(100_000)
    reader = Index.open(folder)
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", PROGRAM, __file__, folder, str(committed)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        said = [child.stdout.readline()]
        until = time.monotonic() + 0.5 * rng.random()
        while time.monotonic() < until:
            reader.refresh()
            found = read(reader)
            seen = next(i for i in range(seen, len(known)) if known[i] == found)
        child.send_signal(signal.SIGKILL)
        said += [line for line in child.communicate()[0].split("\n") if line]
        acknowledged = int(said[-1])
        Index.verify(folder)
        found = read(Index.open(folder))
        committed = next(i for i in range(acknowledged, acknowledged + 2) if known[i] == found)
    assert seen > 0
