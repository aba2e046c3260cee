"""Documents' ids: by row, and rows by id, without reading them all first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from rarefy.errors import DamagedIndexError

__all__ = ["NONE", "Ids", "hashes_of"]

NONE = np.array(None, object)
"""What an array of ids is compared with to find those that are not known."""


class Ids:
    """One string a row, decoded when it is first asked for.

    Attributes
    ----------
    blob : uint8[bytes]
        The strings in UTF-8, one after the other.
    ends : int64[n]
        Where each ends.
    """

    def __init__(
        self,
        blob: npt.NDArray[np.uint8],
        ends: npt.NDArray[np.int64],
        by_hash: tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]] | None = None,
    ) -> None:
        self.blob = blob
        self.ends = ends
        self._known = np.full(len(ends) + 1, None, object)  # row -1 has the id None
        self._all_known = False
        if by_hash is not None:
            self.by_hash = by_hash

    @classmethod
    def of(cls, names: Sequence[str], hashes: npt.NDArray[np.uint64] | None = None) -> Ids:
        """Take strings, which are unique, and their `hashes_of`, where they are known."""
        encoded = [name.encode("utf-8", "surrogatepass") for name in names]
        ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
        ids = cls(np.frombuffer(b"".join(encoded), np.uint8), ends)
        ids._known[:-1] = names
        ids._all_known = True
        if hashes is not None:
            ids.by_hash = _by_hash(hashes)
        return ids

    @classmethod
    def joined(cls, pieces: Sequence[tuple[Ids, npt.NDArray[np.int64]]]) -> Ids:
        """Return the ids of some rows of several, one after the other, without decoding them.

        Parameters
        ----------
        pieces
            Ids, and which rows of them, ascending; together they are unique.
        """
        blobs, lengths = [np.empty(0, np.uint8)], [np.empty(0, np.int64)]
        hashes, rows = [np.empty(0, np.uint64)], [np.empty(0, np.uint32)]
        first = 0
        for ids, taken in pieces:
            place = np.full(len(ids), -1, np.int64)
            place[taken] = np.arange(first, first + len(taken))
            kept = place >= 0
            of_each = np.diff(ids.ends, prepend=0)
            blobs.append(ids.blob[np.repeat(kept, of_each)])
            lengths.append(of_each[kept])
            of_hash = place[ids.by_hash[1]]
            hashes.append(ids.by_hash[0][of_hash >= 0])
            rows.append(of_hash[of_hash >= 0].astype(np.uint32))
            first += len(taken)
        every = np.concatenate(hashes)
        order = np.argsort(every, kind="stable")  # of runs that are sorted: a merge of them
        by_hash = every[order], np.concatenate(rows)[order]
        return cls(np.concatenate(blobs), np.concatenate(lengths).cumsum(), by_hash)

    @cached_property
    def by_hash(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
        """Hashes of the ids, uint64[n], ascending, and the row of each, uint32[n]."""
        return _by_hash(hashes_of(self.names()))

    def __len__(self) -> int:
        return len(self.ends)

    def take(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
        """Return the ids of rows, None where the row is -1.

        Raises
        ------
        DamagedIndexError
            If an id is not UTF-8.
        """
        all_known = self._all_known  # before: another thread may read them all meanwhile
        names: npt.NDArray[np.object_] = self._known[rows]
        if not all_known:
            for i in np.flatnonzero(names == NONE).tolist():
                names.flat[i] = self.name(int(rows.flat[i]))
        return names

    def names(self) -> list[str]:
        """Return all ids, by row.

        Raises
        ------
        DamagedIndexError
            If an id is not UTF-8.
        """
        known = self.take(np.arange(len(self)))
        self._all_known = True
        return known.tolist()

    def rows_of(
        self, names: Sequence[str], wanted: npt.NDArray[np.uint64] | None = None
    ) -> npt.NDArray[np.int64]:
        """Return the row of each id, -1 where there is none.

        Parameters
        ----------
        names
            Ids.
        wanted
            Their `hashes_of`, where they are known.
        """
        hashes, rows = self.by_hash
        if wanted is None:
            wanted = hashes_of(names)
        found = np.full(len(names), -1, np.int64)
        if not len(hashes):
            return found
        first = np.searchsorted(hashes, wanted)
        there = hashes[np.minimum(first, len(hashes) - 1)] == wanted
        for i in np.flatnonzero(there).tolist():
            last = np.searchsorted(hashes, wanted[i], "right")
            for row in rows[first[i] : last].tolist():
                if self.name(row) == names[i]:
                    found[i] = row
        return found

    def name(self, row: int) -> str | None:
        """Return the id of a row, None of row -1, and keep it.

        Raises
        ------
        DamagedIndexError
            If it is not UTF-8.
        """
        if row >= 0 and self._known[row] is None:
            self._known[row] = self._decode(row)
        return self._known[row]

    def _decode(self, row: int) -> str:
        start = self.ends[row - 1] if row else 0
        try:
            return self.blob[start : self.ends[row]].tobytes().decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise DamagedIndexError(f"the id of row {row} is not UTF-8: {error}") from error


def _by_hash(
    hashes: npt.NDArray[np.uint64],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
    rows = np.argsort(hashes, kind="stable").astype(np.uint32)
    return hashes[rows], rows


def hashes_of(names: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Return BLAKE2b of each, cut to 64 bits; the same everywhere."""
    digests = (blake2b(n.encode("utf-8", "surrogatepass"), digest_size=8).digest() for n in names)
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
