"""Small documents whose content is told by one search, for tests of an index that changes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from unittest import mock

import numpy as np
from proofs.clock import COLUMNS, vectors, weights

from rarefy.index import replacement

__all__ = [
    "COLUMNS",
    "Gate",
    "content",
    "end_of_merges",
    "expected",
    "vectors",
    "weights",
]


def content(index):
    """Return each document's id and score for a query of all terms, in the order of the rows."""
    hits = index.search(vectors(np.ones(COLUMNS)), k=max(len(index), 1))
    order = np.argsort(hits.rows[0])
    assert index.ids == [name for name in hits.ids[0][order] if name is not None]
    return [(hits.ids[0][i], hits.scores[0][i]) for i in order if hits.rows[0][i] >= 0]


def expected(state):
    """Return what `content` is of these seeds by name."""
    return [(name, sum(weights(seed))) for name, seed in state.items()]


class Gate:
    """Holds merges before they write anything, until they are let through.

    What happens between is deterministic: at any time either the test runs or the merges do.
    """

    def __init__(self):
        self.open = threading.Event()
        self.held = threading.Semaphore(0)
        write = replacement.write_segment

        def waiting(*arguments):
            self.held.release()
            assert self.open.wait(60)
            return write(*arguments)

        self.patch = mock.patch.object(replacement, "write_segment", waiting)

    def __enter__(self):
        self.patch.start()
        return self

    def __exit__(self, *_):
        self.open.set()
        self.patch.stop()

    @contextmanager
    def opened(self):
        """Hold no merge for a while."""
        self.open.set()
        yield
        self.open.clear()

    def wait(self):
        """Wait until one more merge has come to the gate."""
        assert self.held.acquire(timeout=60)

    def let_through(self, writer):
        """Let merges through until none runs, and hold those that come later."""
        self.open.set()
        with writer._state:
            writer._merges.wait_until(lambda: False)
        self.open.clear()


def end_of_merges():
    """Wait until no merge runs in this process."""
    for thread in threading.enumerate():
        if thread.name == "rarefy-merge":
            thread.join(60)
            assert not thread.is_alive()
