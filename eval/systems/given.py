"""A run that was made elsewhere, as a system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np

from rarefy.errors import InputError
from rarefy.eval.collections.collection import Collection
from rarefy.eval.interchange.trec import read_run
from rarefy.eval.run import ranking
from rarefy.eval.systems.system import Kind, Ranked

__all__ = ["GivenSystem"]


@dataclass(frozen=True)
class GivenSystem:
    """Rankings read from a file: see `rarefy.eval.systems.system.System`.

    Nothing is searched, so that it has measures and no costs.
    """

    name: str
    description: str
    ranked: Ranked = field(repr=False)
    kind: Kind = "sparse"
    vectors: None = field(default=None, init=False)
    exact: None = field(default=None, init=False)
    parts: tuple[str, ...] = field(default=(), init=False)
    costs: None = field(default=None, init=False)
    settings: dict[str, Any] = field(default_factory=dict, init=False)

    @classmethod
    def from_file(
        cls, name: str, path: str | Path, collection: Collection, *, kind: str = "sparse"
    ) -> GivenSystem:
        """Read a TREC run of a collection.

        Parameters
        ----------
        name
            Its name in tables.
        path
            The file, as `rarefy.eval.read_run` reads it. Queries that it lacks have no results;
            queries that the collection lacks are left out.
        collection
            Whose documents and queries the run names.
        kind
            What it ranks by: ``"sparse"``, ``"dense"``, ``"lexical"`` or ``"hybrid"``.

        Raises
        ------
        InputError
            If the file is broken, names a document that the collection lacks, or has none of its
            queries; or there is no such kind.
        """
        if kind not in get_args(Kind):
            raise InputError(f"kind is {kind!r}; expected one of {', '.join(get_args(Kind))}")
        run = read_run(path)
        found = [ranking(run.get(query_id, {})) for query_id in collection.query_ids]
        if not any(found):
            raise InputError(
                f"{path} has results for none of the queries of {collection.name}, which are such "
                f"as {collection.query_ids[0]!r}; give a run of this collection"
            )
        named = {key for order in found for key in order}
        row_of = {key: row for row, key in enumerate(collection.document_ids) if key in named}
        if unknown := named - row_of.keys():
            raise InputError(
                f"{path}: document {min(unknown)!r} is not in {collection.name}; give a run of "
                "this collection"
            )
        depth = max(map(len, found))
        rows = np.full((len(found), depth), -1, dtype=np.int64)
        scores = np.full((len(found), depth), -np.inf)
        for query, (query_id, order) in enumerate(zip(collection.query_ids, found, strict=True)):
            rows[query, : len(order)] = [row_of[key] for key in order]
            scores[query, : len(order)] = [run[query_id][key] for key in order]
        chosen: Kind = kind  # type: ignore[assignment]
        return cls(name, f"the run {Path(path).name}", Ranked(rows, scores), chosen)

    def search(self, k: int, *, threads: int = 1, first: int | None = None) -> Ranked:
        """Return the best `k` documents for every query, or for the `first` so many."""
        return Ranked(self.ranked.rows[:first, :k], self.ranked.scores[:first, :k])

    def search_one(self, query: int, k: int) -> Ranked:
        """Return the first `k` documents for the query in row `query`."""
        return Ranked(self.ranked.rows[query, :k], self.ranked.scores[query, :k])

    def store(self, folder: Path) -> Callable[[], object] | None:
        """Return None: there is no index."""
        return None
