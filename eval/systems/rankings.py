"""What a system found for every query, as arrays; mappings are made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rarefy.eval.collections.collection import Collection
from rarefy.eval.efficiency import cores
from rarefy.eval.run import Ties, decreasing, run_from_rows
from rarefy.eval.systems.system import Ranked, System

__all__ = ["Rankings", "ranked"]


class Rankings(Mapping[str, dict[str, float]]):
    """A run whose mappings exist one query at a time: see `rarefy.eval.run.Run`.

    Parameters
    ----------
    found
        One row for each query of the collection.
    collection
        The ids of the queries and the documents.
    ties
        What orders equal scores: see `rarefy.eval.run.decreasing`.
    """

    def __init__(self, found: Ranked, collection: Collection, *, ties: Ties = "trec_eval") -> None:
        self.found = found
        self._ties = ties
        self._collection = collection
        self._rows = {query_id: row for row, query_id in enumerate(collection.query_ids)}

    def __getitem__(self, query_id: str) -> dict[str, float]:
        row = self._rows[query_id]
        rows, scores = self.found.rows[row : row + 1], self.found.scores[row : row + 1]
        ids = self._collection.document_ids
        return run_from_rows(rows, scores, [query_id], ids, ties=self._ties)[query_id]

    def order(self, query_id: str) -> list[str]:
        """Return a query's document ids, best first, as `rarefy.eval.run.ranking` has them."""
        row = self._rows.get(query_id)
        if row is None:
            return []
        count = int((self.found.rows[row] >= 0).sum())
        ids = self._collection.document_ids
        order = [ids[number] for number in self.found.rows[row, :count].tolist()]
        if self._ties == "trec_eval":
            scores = self.found.scores[row, :count]
            bounds = np.flatnonzero(np.diff(scores, prepend=np.nan, append=np.nan)).tolist()
            if len(bounds) <= count:
                for start, end in pairwise(bounds):
                    order[start:end] = sorted(order[start:end], reverse=True)
        return order

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def ranked(system: System, collection: Collection, *, depth: int, first: int) -> Ranked:
    """Rank the documents for every query, without a query's own where the collection asks for that.

    An approximate system finds other documents when it is asked for more. So its first documents
    are those of a search for `first`, which is what its latency is measured of; what a search for
    `depth` finds besides comes after them.

    Parameters
    ----------
    system
        One of the collection.
    collection
        The documents and queries.
    depth
        Documents for each query.
    first
        How many of them stand as a search for so many finds them.

    Returns
    -------
    Ranked
        int64[queries, depth] and scores of that shape.
    """
    own = _own_rows(collection)
    more = own is not None
    found = system.search(depth + more, threads=cores())
    if system.exact is not None:
        found = _joined(system.search(first + more, threads=cores()), found)
    if own is not None:
        kept = found.rows != own[:, None]
        order = np.argsort(~kept, axis=1, kind="stable")
        rows = np.where(kept, found.rows, -1)
        scores = np.where(kept, found.scores, -np.inf)
        found = Ranked(*(np.take_along_axis(array, order, axis=1) for array in (rows, scores)))
    return Ranked(found.rows[:, :depth], found.scores[:, :depth])


def _own_rows(collection: Collection) -> npt.NDArray[np.int64] | None:
    """Return the row of each query's own document, -2 for none; None where that is no matter."""
    if not collection.leave_out_own:
        return None
    queries = set(collection.query_ids)
    rows = {key: row for row, key in enumerate(collection.document_ids) if key in queries}
    return np.array([rows.get(query_id, -2) for query_id in collection.query_ids])


def _joined(first: Ranked, rest: Ranked) -> Ranked:
    """Put what `rest` alone found after what `first` found, with scores below those."""
    rows = np.full_like(rest.rows, -1)
    scores = np.full_like(rest.scores, -np.inf)
    for query in range(len(rows)):
        head = first.rows[query][first.rows[query] >= 0]
        others = (rest.rows[query] >= 0) & ~np.isin(rest.rows[query], head)
        tail = rest.rows[query][others][: rows.shape[1] - len(head)]
        rows[query, : len(head) + len(tail)] = [*head, *tail]
        found = [*first.scores[query][: len(head)], *rest.scores[query][others][: len(tail)]]
        scores[query, : len(found)] = decreasing(np.array(found), ties="trec_eval")
    return Ranked(rows, scores)
