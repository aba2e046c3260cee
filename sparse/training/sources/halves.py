"""The first half of a text -> its second half: pairs from text that nobody has paired."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rarefy.sparse.training.sources.source import Pair, Source

__all__ = ["halves"]


def halves(source: Source) -> Source:
    """Pair the halves of a source's documents.

    Parameters
    ----------
    source
        Its documents of at least two sentences are cut at the end of the sentence that is nearest
        to the middle.

    Returns
    -------
    Source
        Of the same licence.
    """
    return Source(
        name=f"{source.name} halves",
        licence=source.licence,
        origin=source.origin,
        read=lambda: _read(source),
    )


def _read(source: Source) -> Iterator[Pair]:
    for _, text in source:
        ends = [found.end() for found in re.finditer(r"[.!?]\s+", text)]
        ends = [end for end in ends if end < len(text)]
        if ends:
            cut = min(ends, key=lambda end: abs(end - len(text) / 2))
            yield Pair(text[:cut].strip(), text[cut:].strip())
