"""Compile ahead what a first search would compile."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from rarefy.index.build import build
from rarefy.index.index import Index
from rarefy.index.planner import LEAST_DOCUMENTS
from rarefy.index.vectors import canonical

__all__ = ["warm_up"]


def warm_up() -> None:
    """Build and search a small index.

    Compiled code is kept on disk, where it can be written: beside the package, or in the user's
    cache folder, or in NUMBA_CACHE_DIR. Collections of more than 65,536 different terms use other
    code, which is compiled when the first of them is built.
    """
    n = LEAST_DOCUMENTS
    documents = scipy.sparse.csr_array(np.ones((n, 2), np.float32))
    Index.build(documents).search(documents[:1], recall=0.9, filter=np.ones(n, np.bool_))
    build(canonical(documents), 4, champions=1)  # as large collections are built
