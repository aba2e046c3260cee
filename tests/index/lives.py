"""Small documents whose content is told by one search, for tests of an index that changes."""

from __future__ import annotations

import numpy as np
from proofs.clock import COLUMNS, vectors, weights

__all__ = ["COLUMNS", "content", "expected", "vectors", "weights"]


def content(index):
    """Return each document's id and score for a query of all terms, in the order of the rows."""
    hits = index.search(vectors(np.ones(COLUMNS)), k=max(len(index), 1))
    order = np.argsort(hits.rows[0])
    assert index.ids == [name for name in hits.ids[0][order] if name is not None]
    return [(hits.ids[0][i], hits.scores[0][i]) for i in order if hits.rows[0][i] >= 0]


def expected(state):
    """Return what `content` is of these seeds by name."""
    return [(name, sum(weights(seed))) for name, seed in state.items()]
