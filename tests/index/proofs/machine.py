"""Any life of an index against a dictionary."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from lives import Gate

from proofs.clock import COLUMNS, QUERIES, record, vectors, weights
from rarefy.index import Index, Writer, field

__all__ = ["Life", "many_lives"]

NAMES = [f"d{i}" for i in range(8)]
State = dict[str, int]
"""Seeds by name, in the order of the rows."""


class Life(RuleBasedStateMachine):
    """A writer, a reader that refreshes now and then, and snapshots."""

    @initialize(buffer=st.sampled_from([0, 600, 10**6]), described=st.booleans())
    def begin(self, buffer, described):
        self.gate = Gate()
        self.gate.__enter__()
        self.home = tempfile.TemporaryDirectory()
        self.folder = Path(self.home.name) / "index"
        self.buffer, self.described = buffer, described
        self.writer = Writer(self.folder, vocabulary_size=COLUMNS, buffer_bytes=buffer)
        self.reader = Index.open(self.folder)
        self.seen: State = {}
        self.committed: State = {}
        self.state: State = {}
        self.snapshots: list[tuple[Path, State]] = []

    def teardown(self):
        if hasattr(self, "writer"):
            self.gate.__exit__()
            self.writer.close()
            self.home.cleanup()

    @rule(names=st.lists(st.sampled_from(NAMES), unique=True), seed=st.integers(0, 90))
    def upsert(self, names, seed):
        seeds = range(seed, seed + len(names))
        metadata = [record(each) for each in seeds] if self.described and names else None
        self.writer.upsert(names, vectors(*map(weights, seeds)), metadata)
        for name, each in zip(names, seeds, strict=True):
            self.state.pop(name, None)
            self.state[name] = each

    @rule(names=st.lists(st.sampled_from(NAMES)))
    def delete(self, names):
        assert self.writer.delete(names) == sum(name in self.state for name in set(names))
        for name in names:
            self.state.pop(name, None)

    @rule()
    def commit(self):
        self.writer.commit()
        self.committed = dict(self.state)

    @rule()
    def let_merges_through(self):
        """Merges that commits began are carried out now, beside changes that are pending."""
        self.gate.let_through(self.writer)

    @rule()
    def merge(self):
        with self.gate.opened():
            self.writer.merge()
        self.committed = dict(self.state)

    @rule()
    def rollback(self):
        self.writer.rollback()
        self.state = dict(self.committed)

    @rule()
    def close_and_open(self):
        with self.gate.opened():
            self.writer.close()
        self.writer = Writer(self.folder, buffer_bytes=self.buffer)
        self.state = dict(self.committed)

    @rule()
    def refresh(self):
        self.reader.refresh()
        self.seen = dict(self.committed)

    @rule()
    def verify(self):
        Index.verify(self.folder)
        same(Index.open(self.folder), self.committed, len(NAMES))

    @rule()
    def snapshot(self):
        folder = Path(self.home.name) / f"snapshot-{len(self.snapshots)}"
        Index.open(self.folder).snapshot(folder)
        self.snapshots.append((folder, dict(self.committed)))

    @precondition(lambda self: self.snapshots)
    @rule(data=st.data())
    def look_back(self, data):
        folder, state = data.draw(st.sampled_from(self.snapshots))
        Index.verify(folder)
        same(Index.open(folder), state, len(NAMES))

    @rule(k=st.integers(1, 9))
    def search(self, k):
        same(self.reader, self.seen, k)

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def filter_ids(self, data):
        kept = data.draw(st.lists(st.sampled_from(sorted(self.seen)), unique=True))
        same(self.reader, {n: s for n, s in self.seen.items() if n in kept}, 9, kept)

    @precondition(lambda self: self.described)
    @rule(least=st.integers(0, 90), language=st.sampled_from(["en", "de", "fr"]))
    def filter_fields(self, least, language):
        def keeps(seed):
            return seed >= least and record(seed)["lang"] != language

        state = {name: seed for name, seed in self.seen.items() if keeps(seed)}
        asked = (field("seed") >= least) & (field("lang") != language)
        same(self.reader, state, 9, asked)
        same(self.reader, state, 9, f"seed >= {least} and not lang == '{language}'")

    @precondition(lambda self: self.described and self.seen)
    @rule(data=st.data())
    def stored(self, data):
        name = data.draw(st.sampled_from(sorted(self.seen)))
        assert self.reader.metadata([name]) == [record(self.seen[name])]


def same(index: Index, state: State, k: int, filter: Any = None) -> None:
    """Check that a search finds what a sum over a dictionary does."""
    hits = index.search(QUERIES, k=k, filter=filter)
    names, held = list(state), np.array([weights(s) for s in state.values()])
    for query, ids, scores in zip(QUERIES.toarray(), hits.ids, hits.scores, strict=True):
        sums = held.reshape(-1, COLUMNS) @ query
        best = np.argsort(-sums, kind="stable")[:k]
        found = [(n, float(s)) for n, s in zip(ids, scores, strict=True) if n is not None]
        assert found == [(names[i], float(sums[i])) for i in best]
    if filter is None:
        assert index.ids == names


def many_lives(lives: int, steps: int) -> Counter[str]:
    """Live many random lives; return how many, and how many steps they had in all."""
    counts: Counter[str] = Counter()

    class Counted(Life):
        def teardown(self):
            counts["lives"] += 1
            super().teardown()

        def check_invariants(self, *arguments, **options):
            counts["steps"] += 1
            super().check_invariants(*arguments, **options)

    run_state_machine_as_test(
        Counted,
        settings=settings(
            max_examples=lives, stateful_step_count=steps, deadline=None, database=None
        ),
    )
    return counts
