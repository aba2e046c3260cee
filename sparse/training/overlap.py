"""Training text that is in no test collection, and a report of what was left out.

Two texts overlap when they share a run of n words, or have less than n and are the same: the n-gram
criterion of Brown et al. 2020, "Language Models are Few-Shot Learners", appendix C, which took n
between 8 and 13. Case and punctuation do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarefy.errors import InputError
from rarefy.sparse.training.sources.source import Pair, Source

__all__ = ["OverlapFilter", "OverlapReport"]


@dataclass
class OverlapReport:
    """What became of the pairs of each source.

    Parameters
    ----------
    ngram
        Words that make an overlap.
    sources
        Source name -> ``licence``, ``origin``, ``pairs`` that were read, ``duplicates`` of earlier
        ones, ``kept``, and ``overlapping``: collection name -> pairs left out for it (a pair that
        overlaps with several counts for each).
    """

    ngram: int
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_table(self) -> str:
        """Return a table in Markdown, one row a source."""
        lines = [
            f"| source | pairs | duplicates | share {self.ngram} words with | kept | licence |",
            "|---|---|---|---|---|---|",
        ]
        for name, row in self.sources.items():
            shared = ", ".join(f"{key} {count:,}" for key, count in row["overlapping"].items())
            counts = f"{row['pairs']:,} | {row['duplicates']:,} | {shared or '-'} | {row['kept']:,}"
            lines.append(f"| {name} | {counts} | {row['licence']} |")
        return "\n".join(lines) + "\n"


class OverlapFilter:
    """Lets pairs through that are new and share no run of words with any test collection.

    Parameters
    ----------
    collections
        Collection name -> its texts: documents and queries.
    ngram
        Words that make an overlap.

    Attributes
    ----------
    report : OverlapReport
        Of the pairs that have passed so far.

    Raises
    ------
    InputError
        If `ngram` is below 1.
    """

    def __init__(self, collections: Mapping[str, Iterable[str]], *, ngram: int = 8) -> None:
        if ngram < 1:
            raise InputError(f"ngram is {ngram}; expected at least 1 word")
        self.report = OverlapReport(ngram)
        self._known = {name: self._index(texts) for name, texts in collections.items()}
        self._seen: set[int] = set()

    def __call__(self, source: Source) -> Iterator[Pair]:
        """Yield the pairs of a source that are new, and count the others in the report."""
        counts: dict[str, Any] = {"licence": source.licence, "origin": source.origin}
        counts |= {"pairs": 0, "duplicates": 0, "kept": 0, "overlapping": {}}
        self.report.sources[source.name] = counts
        for pair in source:
            counts["pairs"] += 1
            key = hash(tuple(tuple(_words(text)) for text in pair))
            if key in self._seen:
                counts["duplicates"] += 1
                continue
            self._seen.add(key)
            found = self._overlaps(pair)
            for name in found:
                counts["overlapping"][name] = counts["overlapping"].get(name, 0) + 1
            if not found:
                counts["kept"] += 1
                yield pair

    def _overlaps(self, pair: Pair) -> list[str]:
        grams = np.array([gram for text in pair for gram in self._grams(text)], dtype=np.int64)
        return [name for name, known in self._known.items() if _meet(grams, known)]

    def _index(self, texts: Iterable[str]) -> NDArray[np.int64]:
        """Return the hashes of all runs of words of some texts, ascending."""
        return np.unique(
            np.fromiter((gram for text in texts for gram in self._grams(text)), dtype=np.int64)
        )

    def _grams(self, text: str) -> Iterator[int]:
        """Hash each run of n words, or the whole of a shorter text."""
        words = _words(text)
        last = max(1, len(words) - self.report.ngram + 1) if words else 0
        for start in range(last):
            yield hash(" ".join(words[start : start + self.report.ngram]))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _meet(grams: NDArray[np.int64], known: NDArray[np.int64]) -> bool:
    """Whether any of some numbers is among others, which ascend."""
    if not len(known):
        return False
    places = np.minimum(np.searchsorted(known, grams), len(known) - 1)
    return bool((known[places] == grams).any())
