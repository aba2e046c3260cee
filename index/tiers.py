"""Which segments should become one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from rarefy.index.storage.manifest import SegmentEntry

__all__ = ["FACTOR", "MOST_SEGMENTS", "run_to_merge"]

FACTOR = 8
LEAST_TIER = 1000
"""Documents of the lowest tier's segments, at most."""
MOST_SEGMENTS = FACTOR**2
"""With more of them a commit waits for the merges that run: as many as eight full tiers have."""


def run_to_merge(segments: Sequence[SegmentEntry], busy: Collection[str] = ()) -> slice | None:
    """Choose neighbouring segments that should become one, or None.

    Segments are of tiers, each `FACTOR` times as large as the one below. Where `FACTOR` neighbours
    are of a tier or below it, and none has more than half of their documents, they become one: a
    document that is copied is then in a segment of twice the size or more, so that it is copied as
    often as the logarithm of their number at most (O'Neil et al., The log-structured merge-tree,
    1996). In the lowest tier copies cost nothing, and any neighbours become one. Neighbours alone,
    so that documents stay in the order in which they came. A segment of which more than half is
    deleted is copied alone.

    Parameters
    ----------
    segments
        In the order of their rows.
    busy
        Names of those that are becoming one already.
    """
    for i, entry in enumerate(segments):
        if 2 * entry.deleted > entry.documents and entry.file.name not in busy:
            return slice(i, i + 1)
    living = [entry.documents - entry.deleted for entry in segments]
    tiers = [
        np.inf if entry.file.name in busy else np.log(max(n / LEAST_TIER, 1)) // np.log(FACTOR)
        for entry, n in zip(segments, living, strict=True)
    ]
    for highest in sorted({tier for tier in tiers if tier < np.inf}):
        start = 0
        for i, tier in enumerate([*tiers, np.inf]):
            if tier > highest:
                run = living[start:i]
                if len(run) >= FACTOR and (highest == 0 or 2 * max(run) <= sum(run)):
                    return slice(start, i)
                start = i + 1
    return None
