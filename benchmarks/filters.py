"""What a filter costs: exact search among documents drawn at random, beside one among all."""

from __future__ import annotations

from typing import Any

import numpy as np
from engines import Rarefy
from timing import Run, interleaved

__all__ = ["SHARES", "filtered"]

SHARES = (0.0, 1e-4, 0.01, 0.1, 0.5, 1.0)
"""Of the documents that a filter keeps; it is one at least."""
MASKS = 8
"""Filters of each share, used in turns, so that none stays in the processor's caches."""


class Filtered:
    """Exact search with one of some masks."""

    def __init__(self, engine: Rarefy, masks: list[Any]) -> None:
        self.index, self.build_s, self.masks = engine.index, engine.build_s, masks
        self.name, self.settings = "rarefy, filtered", {"documents": int(masks[0].sum())}
        self.prepared = 0

    def prepare(self, query: Any) -> Any:
        self.prepared += 1
        return query, self.masks[self.prepared % len(self.masks)]

    def search(self, query: Any, k: int) -> Any:
        vector, mask = query
        return self.index.search(vector, k=k, filter=mask).rows[0]


def filtered(engine: Rarefy, queries: Any) -> list[dict[str, Any]]:
    """Time each share of documents at k = 10, in turns with search without a filter."""
    n, rng = len(engine.index), np.random.default_rng(0)
    engines = []
    for share in SHARES:
        masks = [np.zeros(n, np.bool_) for _ in range(MASKS)]
        for mask in masks:
            mask[rng.choice(n, max(1, round(share * n)), replace=False)] = True
        engines.append(Filtered(engine, masks))
    runs = [Run(engine, queries, 10), *(Run(one, queries, 10) for one in engines)]
    figures, _ = interleaved(runs)
    return [
        {
            "share": share,
            "documents": one.settings["documents"],
            "search_us": figure,
            "over_unfiltered": figure["mean"] / figures[0]["mean"],
        }
        for share, one, figure in zip(SHARES, engines, figures[1:], strict=True)
    ]
