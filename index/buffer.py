"""Documents that a writer holds in memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rarefy.index.merging import concatenated, laid_out, taken
from rarefy.index.metadata import Metadata
from rarefy.index.storage.ids import Ids
from rarefy.index.storage.segment import Segment
from rarefy.index.vectors import Vectors

__all__ = ["Buffer"]

POSTING_BYTES, DOCUMENT_BYTES = 8, 200
"""What a posting and a document take there, about."""


class Buffer:
    """Documents that are in memory alone."""

    def __init__(self) -> None:
        self.batches: list[tuple[Vectors, Metadata | None]] = []
        self.names: list[str] = []
        self.hashes: list[npt.NDArray[np.uint64]] = []
        self.row_of: dict[str, int] = {}
        self.bytes = 0

    def add(
        self,
        names: list[str],
        hashes: npt.NDArray[np.uint64],
        vectors: Vectors,
        metadata: Metadata | None,
    ) -> None:
        """Add documents whose ids are not in it, and whose `hashes_of` are known."""
        first = len(self.names)
        self.row_of.update((name, first + i) for i, name in enumerate(names))
        self.names += names
        self.hashes.append(hashes)
        self.batches.append((vectors, metadata))
        self.bytes += POSTING_BYTES * len(vectors.columns) + DOCUMENT_BYTES * len(names)

    def segment(self, vocabulary_size: int) -> Segment:
        """Return the segment of its living documents."""
        rows = np.sort(np.fromiter(self.row_of.values(), np.int64, len(self.row_of)))
        vectors = concatenated([vectors for vectors, _ in self.batches], vocabulary_size)
        every = [(metadata, np.arange(len(vectors))) for vectors, metadata in self.batches]
        known = Metadata.joined(every)
        if known is not None:
            known = Metadata.joined([(known, rows)])
        ids = Ids.of([self.names[row] for row in rows.tolist()], np.concatenate(self.hashes)[rows])
        return laid_out(taken(vectors, rows), ids, known)
