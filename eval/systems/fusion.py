"""Reciprocal rank fusion of systems.

Cormack, Clarke & Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank
learning methods", SIGIR 2009.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rarefy.eval.collections.collection import Collection
from rarefy.eval.run import Run, run_from_rows
from rarefy.eval.systems.system import Costs, Kind, Ranked, System

__all__ = ["FusionSystem", "reciprocal_rank_fusion"]

_DEPTH = 1000  # ranks of each part that are fused


@dataclass(frozen=True)
class FusionSystem:
    """Systems fused by rank: see `rarefy.eval.systems.system.System`.

    Each search asks the parts for 1,000 documents, so its latency is that of these searches and
    of the fusion.
    """

    name: str
    kind: Kind = field(default="hybrid", init=False)
    systems: tuple[System, ...] = field(repr=False)
    collection: Collection = field(repr=False)
    vectors: None = field(default=None, init=False)

    @property
    def description(self) -> str:
        """One line that says what it is made of."""
        return f"reciprocal rank fusion (k=60, depth {_DEPTH:,}) of {' and '.join(self.parts)}"

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the systems that it joins."""
        return tuple(system.name for system in self.systems)

    @property
    def costs(self) -> Costs:
        """The sums of the parts' bytes and build times; nothing is encoded besides."""
        return Costs(
            encode_docs_per_s=None,
            encode_queries_per_s=None,
            build_s=sum(system.costs.build_s for system in self.systems),
            index_bytes=sum(system.costs.index_bytes for system in self.systems),
        )

    def search(self, k: int) -> Run:
        """Rank at most `k` documents for every query of the collection."""
        run: Run = {}
        for query, query_id in enumerate(self.collection.query_ids):
            rows, scores = self.search_one(query, k)
            run |= run_from_rows(rows[None], scores[None], [query_id], self.collection.document_ids)
        return run

    def search_one(self, query: int, k: int) -> Ranked:
        """Rank at most `k` documents for the query in row `query`."""
        found = [system.search_one(query, _DEPTH).rows for system in self.systems]
        return reciprocal_rank_fusion(found, k)


def reciprocal_rank_fusion(
    rankings: Sequence[npt.NDArray[np.int64]], k: int, *, constant: int = 60
) -> Ranked:
    """Join rankings: a document's score is the sum of ``1 / (constant + rank)`` over them.

    Parameters
    ----------
    rankings
        Each int64[any], rows of documents, best first, -1 in the places after the last.
    k
        The most documents to return.
    constant
        The greater, the less the first ranks count; 60 in the paper.

    Returns
    -------
    Ranked
        At most `k` documents, best first, ties by row.
    """
    found = [rows[rows >= 0] for rows in rankings]
    gains = [1.0 / (constant + np.arange(1, len(rows) + 1)) for rows in found]
    rows, places = np.unique(np.concatenate(found), return_inverse=True)
    scores = np.zeros(len(rows))
    np.add.at(scores, places, np.concatenate(gains))
    best = np.argsort(-scores, kind="stable")[:k]
    return Ranked(rows[best], scores[best])
