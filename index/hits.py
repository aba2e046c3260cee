"""What a search returns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Hits"]


class Hits(NamedTuple):
    """The best documents of m queries, k places each.

    Ordered by score descending, then by row ascending. Only documents that share a term with the
    query are hits; where fewer than k do, the places left over hold None, -1 and -inf.

    Attributes
    ----------
    ids : object[m, k]
        Document ids, str or None.
    rows : int64[m, k]
        Insertion rows, or -1.
    scores : float32[m, k]
        Dot products of the query and the document, or -inf.
    """

    ids: npt.NDArray[np.object_]
    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
