"""Systems joined: by rank, or by a weighted sum of normalised scores.

Reciprocal rank fusion is that of Cormack, Clarke & Büttcher 2009, "Reciprocal rank fusion
outperforms Condorcet and individual rank learning methods"; the sums are the linear combinations of
Fox & Shaw 1994, "Combination of Multiple Searches", with the scores of each query brought to one
scale: to [0, 1] (min-max) or to mean 0 and deviation 1 (z-score).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rarefy.eval.systems.system import Costs, Kind, Ranked, System

__all__ = ["FusionSystem", "Method", "normalised", "reciprocal_rank_fusion", "weighted_sum"]

Method = Literal["rrf", "minmax", "zscore"]

_DEPTH = 1000  # documents of each part that are fused


@dataclass(frozen=True)
class FusionSystem:
    """Systems fused: see `rarefy.eval.systems.system.System`.

    Each search asks the parts for 1,000 documents, so its latency is that of these searches and
    of the fusion.

    Parameters
    ----------
    name
        Its name in tables.
    systems
        The parts.
    method
        ``"rrf"``, ``"minmax"`` or ``"zscore"``.
    weights
        One for each part, for the sums.
    origin
        Where the weights come from, for the description.
    """

    name: str
    kind: Kind = field(default="hybrid", init=False)
    systems: tuple[System, ...] = field(repr=False)
    method: Method = "rrf"
    weights: tuple[float, ...] = ()
    origin: str = ""
    vectors: None = field(default=None, init=False)
    exact: None = field(default=None, init=False)

    @property
    def description(self) -> str:
        """One line that says what it is made of."""
        if self.method == "rrf":
            how = f"reciprocal rank fusion (k=60, depth {_DEPTH:,})"
        else:
            told = " : ".join(f"{weight:g}" for weight in self.weights)
            scale = {"minmax": "min-max", "zscore": "z-score"}[self.method]
            how = f"{scale} sum ({told}, {self.origin}; depth {_DEPTH:,})"
        return f"{how} of {' and '.join(self.parts)}"

    @property
    def settings(self) -> dict[str, Any]:
        """The weight of each part."""
        return {f"weight {part}": w for part, w in zip(self.parts, self.weights, strict=False)}

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the systems that it joins."""
        return tuple(system.name for system in self.systems)

    @property
    def costs(self) -> Costs | None:
        """The sums of the parts' bytes and build times; nothing is encoded besides."""
        costs = [system.costs for system in self.systems]
        if any(cost is None for cost in costs):
            return None
        return Costs(
            encode_docs_per_s=None,
            encode_queries_per_s=None,
            build_s=sum(cost.build_s for cost in costs if cost),
            index_bytes=sum(cost.index_bytes for cost in costs if cost),
        )

    def search(self, k: int, *, threads: int = 1, first: int | None = None) -> Ranked:
        """Rank at most `k` documents for every query, or for the `first` so many."""
        found = [system.search(_DEPTH, threads=threads, first=first) for system in self.systems]
        rows = np.full((len(found[0].rows), k), -1, dtype=np.int64)
        scores = np.full(rows.shape, -np.inf)
        for query in range(len(rows)):
            fused = self._fuse([Ranked(part.rows[query], part.scores[query]) for part in found], k)
            rows[query, : len(fused.rows)] = fused.rows
            scores[query, : len(fused.rows)] = fused.scores
        return Ranked(rows, scores)

    def search_one(self, query: int, k: int) -> Ranked:
        """Rank at most `k` documents for the query in row `query`."""
        return self._fuse([system.search_one(query, _DEPTH) for system in self.systems], k)

    def store(self, folder: Path) -> Callable[[], object] | None:
        """Store the parts' indexes, and return what opens them and asks each for one query."""
        openers = []
        for number, system in enumerate(self.systems):
            part = folder / str(number)
            part.mkdir()
            if opener := system.store(part):
                openers.append(opener)
        return (lambda: [opener() for opener in openers]) if openers else None

    def _fuse(self, found: Sequence[Ranked], k: int) -> Ranked:
        if self.method == "rrf":
            return reciprocal_rank_fusion([part.rows for part in found], k)
        return weighted_sum(*normalised(found, self.method), self.weights, k)


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
    return _best(rows, scores, k)


def normalised(
    rankings: Sequence[Ranked], method: Method
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Bring the scores of one query's rankings to one scale.

    A document that a ranking lacks gets that ranking's lowest value. Where all scores of a
    ranking are equal, they are all 0.

    Parameters
    ----------
    rankings
        One for each part, rows -1 in the places after the last.
    method
        ``"minmax"`` or ``"zscore"``.

    Returns
    -------
    tuple
        int64[n], the rows of the documents in any ranking, ascending; and float64[n, parts].
    """
    found = [(part.rows[part.rows >= 0], part.scores[part.rows >= 0]) for part in rankings]
    rows = np.unique(np.concatenate([part_rows for part_rows, _ in found]))
    scales = np.zeros((len(rows), len(found)))
    for part, (part_rows, raw) in enumerate(found):
        if len(raw) == 0:
            continue
        scores = raw.astype(np.float64)
        if method == "minmax":
            centre, spread = scores.min(), np.ptp(scores)
        else:
            centre, spread = scores.mean(), scores.std()
        scores = (scores - centre) / spread if spread > 0 else np.zeros(len(scores))
        scales[:, part] = scores.min()
        scales[np.searchsorted(rows, part_rows), part] = scores
    return rows, scales


def weighted_sum(
    rows: npt.NDArray[np.int64],
    scales: npt.NDArray[np.float64],
    weights: Sequence[float],
    k: int,
) -> Ranked:
    """Rank by the weighted sum of what `normalised` returned; at most `k`, ties by row.

    Parameters
    ----------
    rows, scales
        int64[n] and float64[n, parts].
    weights
        One for each part.
    k
        The most documents to return.
    """
    return _best(rows, scales @ np.asarray(weights, dtype=np.float64), k)


def _best(rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], k: int) -> Ranked:
    candidates = np.arange(len(scores))
    if 0 < k < len(scores):  # only what reaches the k-th score has to be sorted
        candidates = np.flatnonzero(scores >= -np.partition(-scores, k - 1)[k - 1])
    best = candidates[np.argsort(-scores[candidates], kind="stable")[:k]]
    return Ranked(rows[best], scores[best])
