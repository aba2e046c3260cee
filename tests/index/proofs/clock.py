"""A life of an index in which each state tells its own number.

Commit g replaces, adds and deletes documents by rules that depend on g alone, so that anybody can
say what the index must hold after it. A document's vector is a function of its seed, which a query
of the last column tells. The document "clock" has the seed `START` + g, the highest of all: it is
the first result of every query, and any result says of which commit it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from rarefy.index import Hits, Index, Writer

__all__ = [
    "COLUMNS",
    "QUERIES",
    "START",
    "Attempt",
    "Clock",
    "once",
    "record",
    "vectors",
    "weights",
]

COLUMNS = 6
CLOCK, START = "clock", 10_000
LANGUAGES = ("en", "de", "fr")
FILTER = f"lang == 'de' and even == true or seed >= {START}"

Attempt = Callable[[Callable[[], Any]], Any]
"""Does something, perhaps again if it fails."""


def once(action: Callable[[], Any]) -> Any:
    """Do something, once."""
    return action()


@lru_cache(maxsize=2**15)
def weights(seed: int) -> tuple[float, ...]:
    """Return one vector: few different weights, and the seed + 1 as the last."""
    return *np.random.default_rng(seed).integers(0, 3, COLUMNS - 1).tolist(), seed + 1


def vectors(*rows: Any) -> Any:
    """Return rows of weights as CSR float32."""
    width = -1 if rows else COLUMNS
    return scipy.sparse.csr_array(np.array(rows, np.float32).reshape(len(rows), width))


def record(seed: int) -> dict[str, Any]:
    """Return a document's metadata."""
    return {"seed": seed, "even": seed % 2 == 0, "lang": LANGUAGES[seed % 3]}


def kept(seed: int) -> bool:
    """Say whether `FILTER` keeps a document."""
    return (seed % 3 == 1 and seed % 2 == 0) or seed >= START


QUERIES = vectors([0] * (COLUMNS - 1) + [1], [1] * COLUMNS, [2, 0, 1, 0, 2, 1])


class Clock(NamedTuple):
    """How many documents there are, with the clock one more, and how many a commit upserts.

    Attributes
    ----------
    names : int
        No multiple of 5.
    batch : int
    metadata : bool
        Whether documents have any.
    """

    names: int = 8
    batch: int = 3
    metadata: bool = True

    def changes(self, g: int) -> tuple[dict[str, int], list[str]]:
        """Return what commit g upserts, seeds by name, and then deletes."""
        upserted = {
            f"d{(self.batch * g + j) % self.names}": (self.batch * g + j) % (START - 1)
            for j in range(self.batch)
        }
        return upserted, [f"d{5 * g % self.names}"] if g % 2 else []

    def change(self, writer: Writer, g: int, attempt: Attempt = once) -> None:
        """Make the changes of commit g, the clock last."""
        upserted, deleted = self.changes(g)
        attempt(partial(self.upsert, writer, upserted))
        before = self.state(g - 1)
        assert writer.delete(deleted) == sum(n in upserted or n in before for n in deleted)
        attempt(partial(self.upsert, writer, {CLOCK: START + g}))

    def upsert(self, writer: Writer, seeds: dict[str, int]) -> None:
        """Upsert documents."""
        metadata = [record(seed) for seed in seeds.values()] if self.metadata else None
        writer.upsert(list(seeds), vectors(*map(weights, seeds.values())), metadata)

    @lru_cache(maxsize=64)  # noqa: B019 (a tuple)
    def state(self, g: int) -> dict[str, int]:
        """Return what the index holds after commit g: seeds by name, in the order of the rows."""
        state: dict[str, int] = {}
        for each in range(max(1, g - -(-self.names // self.batch)), g + 1):
            upserted, deleted = self.changes(each)
            for name, seed in upserted.items():
                state.pop(name, None)
                state[name] = seed
            for name in deleted:
                state.pop(name, None)
        return state | {CLOCK: START + g} if g else {}

    def told(self, index: Index, k: int | None = None, filtered: bool = False) -> int:
        """Return which commit the results of one search are of.

        Parameters
        ----------
        index
            What is searched.
        k
            How many documents; all by default.
        filtered
            Whether by metadata.

        Raises
        ------
        AssertionError
            If they are of none.
        """
        k = k or self.names + 1
        hits = index.search(QUERIES, k=k, filter=FILTER if filtered else None)
        return self.checked(hits, k, filtered)

    def checked(self, hits: Hits, k: int, filtered: bool) -> int:
        """Return which commit results for `QUERIES` are of; see `told`."""
        g = int(hits.scores[0, 0]) - START - 1 if hits.rows[0, 0] >= 0 else 0
        rows = [(n, s) for n, s in self.state(g).items() if not filtered or kept(s)]
        held = np.array([weights(seed) for _, seed in rows]).reshape(-1, COLUMNS)
        for query, ids, scores in zip(QUERIES.toarray(), hits.ids, hits.scores, strict=True):
            sums = held @ query
            best = np.argsort(-sums, kind="stable")[:k]
            found = [(n, float(s)) for n, s in zip(ids, scores, strict=True) if n is not None]
            assert found == [(rows[i][0], float(sums[i])) for i in best], (g, found)
        return g
