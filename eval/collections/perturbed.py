"""A collection whose queries are written in another way, to see whether the same is found."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rarefy.eval.collections.collection import Collection

__all__ = ["perturbed"]


def perturbed(
    collection: Collection, view: Callable[[str, np.random.Generator], str], *, seed: int = 0
) -> Collection:
    """Return the collection with each query in a view.

    What a system loses says how robust it is, as in Tu, Deng and Gedeon, "Toward a Holistic
    Evaluation of Robustness in CLIP Models", 2024.

    Parameters
    ----------
    collection
        Its documents and judgements stay.
    view
        One of :mod:`rarefy.sparse.views`, or the like.
    seed
        Of what is random; what a query becomes depends on it and on the query's id alone.
    """
    queries = [
        view(text, np.random.default_rng([seed, zlib.crc32(key.encode())]))
        for key, text in zip(collection.query_ids, collection.queries, strict=True)
    ]
    name = getattr(view, "__name__", "view")
    return replace(collection, name=f"{collection.name} ({name})", queries=queries)
