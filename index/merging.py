"""Segments become one, without the documents that are deleted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError
from rarefy.index.build import build
from rarefy.index.layout import Layout
from rarefy.index.metadata import Metadata
from rarefy.index.part import Part
from rarefy.index.storage.ids import Ids
from rarefy.index.storage.segment import Segment
from rarefy.index.vectors import Vectors

__all__ = ["laid_out", "merged"]

BLOCK_SIZES = ((3 * 2**16, 1), (2**19, 2))
"""Documents up to which a block size is the fastest; beyond the last it is 4."""
CHAMPIONS = 4096
"""How many each term has, at most, in collections so large that blocks are of 4."""


def laid_out(
    vectors: Vectors, ids: Ids, metadata: Metadata | None = None, *, compact: bool = False
) -> Segment:
    """Return the segment of documents, in the layout that is the fastest for their number."""
    block_size = next((size for most, size in BLOCK_SIZES if len(vectors) <= most), 4)
    if compact:
        block_size = 1
    champions = CHAMPIONS if block_size == 4 else 0
    layout = build(vectors, block_size, compact=compact, champions=champions)
    stored = None if metadata is None else metadata.to_bytes()
    return Segment(layout, ids, vectors.width, block_size, [], stored)


def merged(parts: Sequence[Part], vocabulary_size: int) -> Segment:
    """Return the segment that the living documents of parts make, in their order.

    Its vectors are the same to the bit, so that scores are too. It has no settings for a recall
    yet.

    Raises
    ------
    InputError
        If a part is compact: its weights are rounded by what else was indexed with them.
    """
    if any(part.segment.layout.compact for part in parts):
        raise InputError("a compact index cannot be merged: build it without compact=True")
    vectors = [_vectors(part.segment.layout, part.rows, vocabulary_size) for part in parts]
    joined = Vectors(
        np.concatenate([[0], *(np.diff(each.indptr) for each in vectors)]).cumsum(),
        np.concatenate([np.empty(0, np.uint32), *(each.columns for each in vectors)]),
        np.concatenate([np.empty(0, np.float32), *(each.weights for each in vectors)]),
        vocabulary_size,
    )
    names = [name for part in parts for name in part.names]
    known = Metadata.joined([(part.metadata, part.rows) for part in parts])
    return laid_out(joined, Ids.of(names), known)


def _vectors(layout: Layout, rows: npt.NDArray[np.int64], width: int) -> Vectors:
    """Return the vectors of rows, which ascend."""
    if len(rows) == len(layout.indptr) - 1:
        return Vectors(layout.indptr, layout.columns[layout.terms], layout.weights, width)
    lengths = np.diff(layout.indptr)
    kept = np.zeros(len(lengths), np.bool_)
    kept[rows] = True
    postings = np.repeat(kept, lengths)
    indptr = np.concatenate([[0], np.cumsum(lengths[rows])]).astype(np.int64)
    return Vectors(indptr, layout.columns[layout.terms[postings]], layout.weights[postings], width)
