"""rarefy: learned-sparse retrieval, from a text or image encoder to a ranked list.

    items -> rarefy.sparse -> scipy CSR float32 [n, vocabulary] + ids
          -> rarefy.index  -> ranked lists
          -> rarefy.eval   -> measures, tables, plots

Names are imported when they are first used, so ``import rarefy`` loads neither numba nor torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rarefy.index import Hits, Index
    from rarefy.search import Hit, Search
    from rarefy.sparse import BM25, DenseEncoder, DenseToSparse, SparseModel, load

__version__ = "0.1.0"

_HOME = {
    "BM25": "rarefy.sparse",
    "DenseEncoder": "rarefy.sparse",
    "DenseToSparse": "rarefy.sparse",
    "Hit": "rarefy.search",
    "Hits": "rarefy.index",
    "Index": "rarefy.index",
    "Search": "rarefy.search",
    "SparseModel": "rarefy.sparse",
    "load": "rarefy.sparse",
}

__all__ = [
    "BM25",
    "DenseEncoder",
    "DenseToSparse",
    "Hit",
    "Hits",
    "Index",
    "Search",
    "SparseModel",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'rarefy' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
