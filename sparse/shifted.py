"""Dense vectors as sparse ones without negative weights, for an index that has none.

A dimension is two columns. A document has ``(c + d, c - d)`` in them, a query the positive and the
negative parts ``(max(q, 0), max(-q, 0))``. Then the dot product is ``q d + c sum |q|``: the dense
one, and what all documents of a query have alike, which `ShiftedDense.shift` returns. Rankings are
those of the dense vectors.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rarefy.sparse.encoders.dense import DenseEncoder
from rarefy.sparse.model import Role
from rarefy.sparse.texts import Advance

__all__ = ["ShiftedDense"]

DEVIATIONS = 6.0
"""``c`` in standard deviations of the components of a random unit vector, ``d ** -0.5``. The
smaller it is, the tighter are the bounds of an index and the faster searches; components beyond it
are cut to it."""


class ShiftedDense:
    """The vectors of a dense encoder at unit length, shifted: dot products are cosines.

    Parameters
    ----------
    dense
        What gives the vectors, of length d.
    """

    def __init__(self, dense: DenseEncoder) -> None:
        self.dense = dense
        self.c = np.float32(DEVIATIONS * dense.dimension**-0.5)

    @property
    def terms(self) -> list[str]:
        """``0+``, ``1+``, ..., ``0-``, ``1-``, ...: one a column, 2 d."""
        return [f"{i}{sign}" for sign in "+-" for i in range(self.dense.dimension)]

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes when the vectors of some text would."""
        return hashlib.sha256(f"{self.dense.fingerprint} {self.c!r}".encode()).hexdigest()

    def shift(self, weights: NDArray[np.float32]) -> float:
        """Return by how much the scores of a query with these weights are above the cosines."""
        return float(weights.sum(dtype=np.float64)) * float(self.c)

    def encode_distinct(
        self, texts: list[str], role: Role, batch_size: int | None, advance: Advance
    ) -> sparse.csr_array:
        """Encode texts that are known to be distinct; float32 [n, 2 d]."""
        vectors = self.dense.encode_distinct(texts, role, batch_size, advance)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
        signed = np.concatenate([vectors, -vectors], axis=1)
        if role == "document":
            signed += self.c
        return sparse.csr_array(np.maximum(signed, 0))
