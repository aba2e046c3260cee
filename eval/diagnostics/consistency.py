"""Whether a paraphrase of a query, or the query in another language, finds the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError
from rarefy.eval.run import Qrels, ranking

__all__ = ["RankVariance", "average_overlap", "first_ranks", "mean_rank_variance"]


class RankVariance(NamedTuple):
    """How much the rank of what is sought differs between the variants of a query."""

    variance: float
    """Mean over the queries of the variance of the ranks: MRV; 0 is best."""
    deviation: float
    """Mean of the standard deviations, which the authors' published code computes."""


def first_ranks(
    run: Mapping[str, Mapping[str, float]], qrels: Qrels, *, depth: int = 100
) -> dict[str, int]:
    """Return the rank of each judged query's first relevant document.

    Parameters
    ----------
    run
        Query id -> document id -> score.
    qrels
        Query id -> document id -> grade.
    depth
        How deep is looked; ``depth + 1`` stands for "not found".

    Raises
    ------
    InputError
        If the depth is below 1.
    """
    if depth < 1:
        raise InputError(f"depth is {depth}; expected at least 1")
    ranks = {}
    for query_id, grades in qrels.items():
        order = ranking(run.get(query_id, {}))[:depth]
        places = (rank for rank, key in enumerate(order, 1) if grades.get(key, 0) > 0)
        ranks[query_id] = next(places, depth + 1)
    return ranks


def average_overlap(
    one: Mapping[str, Mapping[str, float]],
    other: Mapping[str, Mapping[str, float]],
    *,
    depth: int = 10,
) -> float:
    r"""Return how much two runs find the same, the top first: 0 to 1.

    Over the queries of both, the mean of

    .. math:: \frac{1}{D} \sum_{d=1}^{D} |A_d \cap B_d| / d

    where A_d and B_d are the best d documents of either: Webber, Moffat and Zobel, "A Similarity
    Measure for Indefinite Rankings", 2010, section 3. Of queries and their paraphrases it says
    whether a system minds the words, as in Kim et al., "Fine-tuning CLIP Text Encoders with
    Two-step Paraphrasing", 2024.

    Parameters
    ----------
    one, other
        Query id -> document id -> score; a query and its variant have one id.
    depth
        D.

    Raises
    ------
    InputError
        If the depth is below 1, or the runs have no query in common.
    """
    if depth < 1:
        raise InputError(f"depth is {depth}; expected at least 1")
    shared = one.keys() & other.keys()
    if not shared:
        raise InputError("the runs have no query in common; expected the same ids in both")
    total = 0.0
    for query_id in shared:
        first, second = (ranking(run[query_id])[:depth] for run in (one, other))
        total += sum(len({*first[:d]} & {*second[:d]}) / d for d in range(1, depth + 1)) / depth
    return total / len(shared)


def mean_rank_variance(ranks: npt.ArrayLike) -> RankVariance:
    """Return the mean rank variance over variants of the same queries.

    ``MRV = mean_j mean_k (rank_jk - mean_k rank_jk)^2``: Nie et al. 2024, "Improving the
    Consistency in Cross-Lingual Cross-Modal Retrieval with 1-to-K Contrastive Learning", for K
    languages; the same measure serves paraphrases.

    Parameters
    ----------
    ranks
        float[queries, variants], rank of the relevant document.

    Raises
    ------
    InputError
        If it is no table of numbers with at least one query and two variants.
    """
    table: npt.NDArray[Any] = np.asarray(ranks, dtype=np.float64)
    if table.ndim != 2 or not len(table) or table.shape[1] < 2 or not np.isfinite(table).all():
        raise InputError(
            f"ranks have the shape {table.shape}; expected a finite number for each query (at "
            "least 1) and each of its variants (at least 2)"
        )
    variances = table.var(axis=1)
    return RankVariance(float(variances.mean()), float(np.sqrt(variances).mean()))
