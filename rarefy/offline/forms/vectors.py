"""Vectors that are there already: folders of ``vectors.npz`` and ``ids.txt``, each a slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rarefy.index.vectors import canonical
from rarefy.offline.batch import Batch, Slice

__all__ = ["MATRIX", "read", "slices"]

MATRIX = "vectors.npz"


def slices(path: Path, size: int) -> Iterator[Slice]:
    """Take a folder as a whole."""
    yield Slice(str(path), 1, 0, 0)


def read(piece: Slice, fields: Sequence[str]) -> Batch:
    """Read a folder; it has no fields.

    Raises
    ------
    InputError
        If it is not what ``rarefy encode`` writes.
    """
    from rarefy.eval import read_vectors

    found = read_vectors(piece.path)
    numbers = list(range(1, len(found.ids) + 1))
    vectors = canonical(found.matrix, what=f"vectors of {piece.path}")
    return Batch(found.ids, numbers, vectors=vectors, terms=found.terms)
