"""Items of several parts, each part with a vector of its own: ranked by the best part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rarefy.errors import InputError
from rarefy.index.arguments import check_count
from rarefy.index.hits import Hits

__all__ = ["best_parts"]


def best_parts(hits: Hits, items: Sequence[str], k: int = 10) -> Hits:
    """Rank items by the part of each that fits best.

    What one vector cannot say of an item, several can: the passages of a text, the propositions of
    a sentence, the sounds of a film, what a picture shows to several captions. Each is indexed as
    a document, and a query finds the item by the one that it means.

    Parameters
    ----------
    hits
        What a search of the parts has found. An item of which no part is in it is missed: ask for
        k times as many as an item has parts to be sure of the first k.
    items
        Which item each row of the index is of.
    k
        How many items at most, at least 1.

    Returns
    -------
    Hits
        ``ids`` are items, ``rows`` their best parts.

    Raises
    ------
    InputTypeError, InputError
        If a row has no item, or k is no integer or below 1.
    """
    check_count("k", k)
    last = hits.rows.max(initial=-1)
    if last >= len(items):
        raise InputError(
            f"items are of {len(items)} parts, and the hits have row {last}; expected an item for "
            f"each row"
        )
    shape = len(hits.rows), k
    found = Hits(np.full(shape, None), np.full(shape, -1), np.full(shape, -np.inf, np.float32))
    for query, (rows, scores) in enumerate(zip(hits.rows.tolist(), hits.scores, strict=True)):
        best: dict[str, int] = {}  # hits are in order: the first part of an item is its best
        for place, row in enumerate(rows):
            if row >= 0:
                best.setdefault(items[row], place)
        for rank, (item, place) in enumerate(list(best.items())[:k]):
            found.ids[query, rank] = item
            found.rows[query, rank] = rows[place]
            found.scores[query, rank] = scores[place]
    return found
