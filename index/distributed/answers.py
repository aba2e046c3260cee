"""The best documents of all shards, from the best of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rarefy.index.distributed.deal import Deal
from rarefy.index.hits import Hits

__all__ = ["PartialHits", "best", "concatenated"]


class PartialHits(NamedTuple):
    """What was found by a deadline: `Hits`, of which documents of some shards may be missing.

    Attributes
    ----------
    ids, rows, scores
        As in `Hits`.
    missing : tuple of str
        Shards that did not answer for all queries; none if the results are whole.
    """

    ids: npt.NDArray[np.object_]
    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    missing: tuple[str, ...]


def best(answers: Mapping[int, Hits], deal: Deal, m: int, k: int) -> Hits:
    """Return the best k documents of m queries over all shards.

    Scores are functions of a document and a query alone, and each shard's results are its best in
    the order of the whole: so are these.

    Parameters
    ----------
    answers
        By shard; rows are those in the shard.
    deal
        Which rows those are in the whole.
    m, k
        Queries, and documents a query.
    """
    if not answers:
        return Hits(
            np.full((m, k), None, object), np.full((m, k), -1), np.full((m, k), -np.inf, np.float32)
        )
    every = [hits._replace(rows=deal.rows(at, hits.rows)) for at, hits in answers.items()]
    if len(every) == 1:
        return every[0]
    ids, rows, scores = (np.concatenate(column, axis=1) for column in zip(*every, strict=True))
    order = np.lexsort((rows, -scores), axis=-1)[:, :k]
    order += np.arange(0, rows.size, rows.shape[1])[:, np.newaxis]
    return Hits(*(column.ravel()[order] for column in (ids, rows, scores)))


def concatenated(batches: Sequence[Hits]) -> Hits:
    """Return the results of batches of queries, one after the other."""
    return Hits(*(np.concatenate(column) for column in zip(*batches, strict=True)))
