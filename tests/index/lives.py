"""Small documents whose content is told by one search, for tests of an index that changes."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

COLUMNS = 6
NAMES = [f"d{i}" for i in range(8)]


def vectors(*rows):
    return sp.csr_array(np.array(rows, np.float32).reshape(len(rows), -1))


def weights(seed):
    """Return one vector: few different weights, and the seed in one of them."""
    rng = np.random.default_rng(seed)
    return [*rng.integers(0, 3, COLUMNS - 1), seed + 1]


def content(index):
    """Return each document's id and score for a query of all terms, in the order of the rows."""
    hits = index.search(vectors(np.ones(COLUMNS)), k=max(len(index), 1))
    order = np.argsort(hits.rows[0])
    assert index.ids == [name for name in hits.ids[0][order] if name is not None]
    return [(hits.ids[0][i], hits.scores[0][i]) for i in order if hits.rows[0][i] >= 0]


def expected(state):
    return [(name, sum(weights(seed))) for name, seed in state.items()]
