"""Millions of texts without millions of Python objects: one file of bytes and where each begins."""

from __future__ import annotations

import itertools
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from mmap import ACCESS_READ, mmap
from typing import Any, overload

import numpy as np
import numpy.typing as npt

__all__ = ["Texts", "TextsWriter", "repeated"]


class Texts(Sequence[str]):
    """Texts in one buffer of UTF-8, each decoded when it is asked for.

    Made by `Texts.of` or a `TextsWriter`; the buffer is a nameless file mapped into memory, which
    the system writes to disk where memory is short. A slice shares it.

    Parameters
    ----------
    data
        The texts' bytes, one after the other.
    starts
        int64[n + 1], where each text begins, and the end of the last.
    """

    def __init__(self, data: mmap | bytes, starts: npt.NDArray[np.int64]) -> None:
        self._data = data
        self._starts = starts

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """Copy texts, one at a time.

        Parameters
        ----------
        texts
            Any strings; half a surrogate pair is kept as it is.
        """
        writer = TextsWriter()
        for text in texts:
            writer.append(text)
        return writer.finished()

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...

    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            first, last, step = place.indices(len(self))
            if step != 1:
                return [self[row] for row in range(first, last, step)]
            return Texts(self._data, self._starts[first : max(first, last) + 1])
        row = range(len(self))[place]  # IndexError, and places counted from the end
        start, end = self._starts[row : row + 2].tolist()
        return self._data[start:end].decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), 4096):
            bounds = self._starts[first : first + 4097].tolist()
            for start, end in itertools.pairwise(bounds):
                yield self._data[start:end].decode("utf-8", "surrogatepass")

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, list | Texts):
            return NotImplemented
        return len(self) == len(other) and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        size = int(self._starts[-1] - self._starts[0])
        return f"Texts({len(self):,} texts, {size:,} bytes)"


class TextsWriter:
    """Collects texts into a nameless file; nothing of them stays in memory but where they begin."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=2**20)  # noqa: SIM115 - lives as the texts do
        self._starts = array("q", [0])
        self._end = 0

    def append(self, text: str) -> None:
        """Add one text."""
        data = text.encode("utf-8", "surrogatepass")
        self._file.write(data)
        self._end += len(data)
        self._starts.append(self._end)

    def finished(self) -> Texts:
        """Return the texts; nothing can be added any more."""
        self._file.flush()
        data = mmap(self._file.fileno(), 0, access=ACCESS_READ) if self._end else b""
        self._file.close()
        return Texts(data, np.frombuffer(self._starts, dtype=np.int64))


def repeated(texts: Sequence[str]) -> tuple[int, int] | None:
    """Return the places of a text that occurs twice, None if each occurs once.

    Parameters
    ----------
    texts
        Memory is 8 bytes for each.
    """
    hashes = np.fromiter(map(hash, texts), dtype=np.int64)
    order = np.argsort(hashes, kind="stable")
    same = np.flatnonzero(hashes[order[1:]] == hashes[order[:-1]])
    if len(same) == 0:
        return None
    suspected = set(hashes[order[same]].tolist())
    first: dict[str, int] = {}
    for place, text in enumerate(texts):
        if hash(text) in suspected and first.setdefault(text, place) != place:
            return first[text], place
    return None
