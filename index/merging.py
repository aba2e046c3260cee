"""Segments become one, without the documents that are deleted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError
from rarefy.index.build import build
from rarefy.index.metadata import Metadata
from rarefy.index.part import Part
from rarefy.index.storage.ids import Ids
from rarefy.index.storage.segment import Segment
from rarefy.index.vectors import Vectors

__all__ = ["concatenated", "gathered", "laid_out", "merged", "taken"]

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
    return laid_out(*gathered(parts, vocabulary_size))


def gathered(parts: Sequence[Part], vocabulary_size: int) -> tuple[Vectors, Ids, Metadata | None]:
    """Return the living documents of parts in their order; errors are those of `merged`."""
    if any(part.segment.layout.compact for part in parts):
        raise InputError("a compact index cannot be merged: build it without compact=True")
    joined = concatenated(
        [taken(_vectors(part.segment), part.rows) for part in parts], vocabulary_size
    )
    ids = Ids.joined([(part.segment.ids, part.rows) for part in parts])
    return joined, ids, Metadata.joined([(part.metadata, part.rows) for part in parts])


def concatenated(pieces: Sequence[Vectors], width: int) -> Vectors:
    """Return the rows of several, one after the other."""
    return Vectors(
        np.concatenate([[0], *(np.diff(piece.indptr) for piece in pieces)]).cumsum(),
        np.concatenate([np.empty(0, np.uint32), *(piece.columns for piece in pieces)]),
        np.concatenate([np.empty(0, np.float32), *(piece.weights for piece in pieces)]),
        width,
    )


def taken(vectors: Vectors, rows: npt.NDArray[np.int64]) -> Vectors:
    """Return some rows, given in ascending order."""
    if len(rows) == len(vectors):
        return vectors
    lengths = np.diff(vectors.indptr)
    kept = np.zeros(len(lengths), np.bool_)
    kept[rows] = True
    entries = np.repeat(kept, lengths)
    indptr = np.concatenate([[0], np.cumsum(lengths[rows])]).astype(np.int64)
    return Vectors(indptr, vectors.columns[entries], vectors.weights[entries], vectors.width)


def _vectors(segment: Segment) -> Vectors:
    layout = segment.layout
    columns = layout.columns[layout.terms]
    return Vectors(layout.indptr, columns, layout.weights, segment.vocabulary_size)
