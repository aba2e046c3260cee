"""Codes of a sign hash in FAISS's exhaustive index of bits, the rival of an inverted index.

Hamming distance is the number of bits minus the dot product of two such codes, so both rank alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from rarefy.errors import InputError, require
from rarefy.eval.efficiency import one_core
from rarefy.eval.systems.dense import faiss_threads
from rarefy.eval.systems.encoding import Encoded
from rarefy.eval.systems.system import Costs, Kind, Ranked, SparseVectors

__all__ = ["HammingSystem"]


@dataclass(frozen=True)
class HammingSystem:
    """Codes of `rarefy.sparse.SignHash` in ``IndexBinaryFlat``: see `System`.

    Texts without a vector, such as empty ones, find nothing and are not found.
    """

    name: str
    kind: Kind = field(default="sparse", init=False)
    description: str
    costs: Costs
    vectors: SparseVectors
    settings: dict[str, Any] = field(default_factory=dict, init=False)
    exact: None = field(default=None, init=False)
    parts: tuple[str, ...] = field(default=(), init=False)
    index: Any = field(repr=False)
    queries: npt.NDArray[np.uint8] = field(repr=False)

    @classmethod
    def from_encoded(cls, name: str, encoded: Encoded) -> HammingSystem:
        """Index a collection's codes.

        Parameters
        ----------
        name
            Its name in tables.
        encoded
            The vectors, each of one column for each bit: j or j + bits.

        Raises
        ------
        InputError
            If a vector is no such code.
        MissingExtraError
            If FAISS is not installed.
        """
        faiss = require("faiss", "eval")
        codes = _packed(name, encoded.vectors.documents)
        found = np.flatnonzero(np.diff(encoded.vectors.documents.indptr))
        with one_core():
            start = perf_counter()
            index = faiss.IndexBinaryIDMap(faiss.IndexBinaryFlat(8 * codes.shape[1]))
            index.add_with_ids(codes[found], found.astype(np.int64))
            build_s = perf_counter() - start
        bits = encoded.vectors.documents.shape[1] // 2
        return cls(
            name,
            f"{encoded.description}; FAISS IndexBinaryFlat, {bits} bits",
            Costs(encoded.docs_per_s, encoded.queries_per_s, build_s, codes[found].nbytes),
            encoded.vectors,
            index,
            _packed(name, encoded.vectors.queries),
        )

    def asked(self, vectors: SparseVectors) -> HammingSystem:
        """Return the same index with other queries over its documents."""
        return replace(self, vectors=vectors, queries=_packed(self.name, vectors.queries))

    def search(self, k: int, *, threads: int = 1, first: int | None = None) -> Ranked:
        """Rank at most `k` documents for every query, or for the `first` so many."""
        with faiss_threads(threads):
            return self._find(slice(first), k)

    def search_one(self, query: int, k: int) -> Ranked:
        """Rank at most `k` documents for the query in row `query`."""
        rows, scores = self._find(slice(query, query + 1), k)
        return Ranked(rows[0], scores[0])

    def store(self, folder: Path) -> Callable[[], object]:
        """Write the index into a folder, and return what opens it and answers one query."""
        faiss = require("faiss", "eval")
        path = str(folder / "index.faiss")
        faiss.write_index_binary(self.index, path)
        return lambda: faiss.read_index_binary(path).search(self.queries[:1], 10)

    def _find(self, asked: slice, k: int) -> Ranked:
        distances, rows = self.index.search(self.queries[asked], k)
        known = np.diff(self.vectors.queries.indptr)[asked] > 0
        rows = np.where(known[:, None], rows, -1)
        bits = self.vectors.queries.shape[1] // 2
        return Ranked(rows, np.where(rows < 0, -np.inf, bits - distances))


def _packed(name: str, codes: csr_array) -> npt.NDArray[np.uint8]:
    """Return the bits of codes [n, 2 bits], 8 to a byte; rows of zeros are 0."""
    bits = codes.shape[1] // 2
    sizes = np.diff(codes.indptr)
    whole = bits and codes.shape[1] == 2 * bits and np.isin(sizes, (0, bits)).all()
    places = codes.indices.reshape(-1, bits) if whole else np.empty((0, 1))
    if not whole or (np.sort(places % bits, axis=1) != np.arange(bits)).any():
        raise InputError(
            f"{name!r}: the model gives no codes of bits; expected one with the head SignHash"
        )
    ones = np.zeros(codes.shape, dtype=bool)
    ones[np.repeat(np.arange(len(sizes)), sizes), codes.indices] = True
    return np.packbits(ones[:, :bits], axis=1)
