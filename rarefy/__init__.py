"""rarefy: learned-sparse retrieval, from a text or image encoder to a ranked list.

    items -> rarefy.sparse -> scipy CSR float32 [n, vocabulary] + ids
          -> rarefy.index  -> ranked lists
          -> rarefy.eval   -> measures, tables, plots

Names are imported when they are first used, so ``import rarefy`` loads neither numba nor torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rarefy.lazy import lazy as _lazy

if TYPE_CHECKING:
    from rarefy.index import Hits, Index
    from rarefy.search import Hit, Search
    from rarefy.sparse import BM25, DenseEncoder, DenseToSparse, SparseModel, load

__version__ = "0.1.0"

_HOME = {
    "BM25": "sparse",
    "DenseEncoder": "sparse",
    "DenseToSparse": "sparse",
    "Hit": "search",
    "Hits": "index",
    "Index": "index",
    "Search": "search",
    "SparseModel": "sparse",
    "load": "sparse",
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

__getattr__, __dir__ = _lazy(__name__, _HOME)
