"""How alike are two collections? Statistics that search times depend on, and the times."""

from __future__ import annotations

from typing import Any

import numpy as np
from engines import Rarefy, open_peers
from timing import Run, interleaved, recall

__all__ = ["compare", "print_comparison", "relative_times"]

RANKS = (1, 3, 10, 30, 100, 300, 1000)
FREQUENCY_RANKS = (1, 10, 100, 1000, 10_000)
PERCENTILES = (5, 25, 50, 75, 95)
LEVELS = (0.9, 0.95, 0.98, 0.995)


def compare(real: Any, synthetic: Any, queries: Any) -> dict[str, dict[str, Any]]:
    """Return statistics that search times depend on, of both collections.

    Returns
    -------
    dict
        For "real" and "synthetic": `documents`; `nnz`, mean and percentiles of the lengths;
        `frequency`, the share of documents that hold the term of rank 1, 10, ...; `weights`,
        percentiles; `scores`, the mean score of a query's result of rank 1, 3, 10, ...; `flatness`,
        the same over the score of rank 10; `near`, how many documents reach .9 and .8 of the
        10th score; `bound`, the sum of the terms' largest contributions over the 10th score.
    """
    return {
        name: _statistics(documents.tocsr(), queries.tocsr())
        for name, documents in (("real", real), ("synthetic", synthetic))
    }


def _statistics(documents: Any, queries: Any) -> dict[str, Any]:
    n, width = documents.shape
    lengths = np.diff(documents.indptr)
    frequency = np.sort(np.bincount(documents.indices, minlength=width))[::-1] / n
    largest = documents.max(axis=0).toarray().ravel()
    by_term = documents.tocsc()
    scores, near, bounds = [], [], []
    for i in range(queries.shape[0]):
        query = queries[[i]]
        found = -np.sort(-(by_term[:, query.indices] @ query.data))
        scores.append(found[[min(rank, n) - 1 for rank in RANKS]])
        tenth = scores[-1][RANKS.index(10)]
        near.append([(found >= share * tenth).sum() for share in (0.9, 0.8)])
        bounds.append(largest[query.indices] @ query.data / tenth)
    mean = np.mean(scores, axis=0)
    return {
        "documents": n,
        "nnz": {"mean": float(lengths.mean()), **_percentiles(lengths)},
        "frequency": {str(r): float(frequency[r - 1]) for r in FREQUENCY_RANKS if r <= width},
        "weights": _percentiles(documents.data[: 2**22]),
        "scores": dict(zip(map(str, RANKS), mean.tolist(), strict=True)),
        "flatness": dict(
            zip(map(str, RANKS), (mean / mean[RANKS.index(10)]).tolist(), strict=True)
        ),
        "near": dict(zip(("0.9", "0.8"), np.median(near, axis=0).tolist(), strict=True)),
        "bound": float(np.mean(bounds)),
    }


def _percentiles(values: Any) -> dict[str, float]:
    return dict(
        zip(
            (f"p{p}" for p in PERCENTILES), np.percentile(values, PERCENTILES).tolist(), strict=True
        )
    )


def print_comparison(statistics: dict[str, dict[str, Any]]) -> None:
    """Print the statistics side by side."""
    print(f"{'':24}{'real':>12}{'synthetic':>12}")
    for name, value in statistics["real"].items():
        other = statistics["synthetic"][name]
        if not isinstance(value, dict):
            value, other = {"": value}, {"": other}
        for part in value:
            print(f"{name + ' ' + part:24}{value[part]:12.4g}{other[part]:12.4g}")


def relative_times(
    real: Any, synthetic: Any, queries: Any, calibration_queries: Any, peers: list[str]
) -> list[Any]:
    """Return each engine's time on the synthetic collection over its time on the real one.

    An engine's time at a recall is the mean of its fastest setting that reaches it. Engines of
    both collections take turns in one process. Where peers' and rarefy's ratios are alike, the
    synthetic collection favours none of them.
    """
    both = []
    for documents in (real, synthetic):
        exact = Rarefy(documents, calibration_queries)
        own = [exact, exact.at(0.95), exact.at(0.99)]
        both.append([*own, *(open_peers(documents, peers) if peers else [])])
    count = len(both[0])
    figures, rows = interleaved([Run(engine, queries, 10) for engine in [*both[0], *both[1]]])
    table = []
    for name in dict.fromkeys(engine.name for engine in both[0]):
        for level in LEVELS:
            fastest = []
            for side in (0, count):
                settings = [side + i for i in range(count) if both[0][i].name == name]
                reached = [i for i in settings if recall(rows[i], rows[side]) >= level]
                fastest.append(min((figures[i]["mean"] for i in reached), default=None))
            of_real, of_synthetic = fastest
            if of_real and of_synthetic:
                table.append(
                    {
                        "name": name,
                        "recall": level,
                        "real_us": of_real,
                        "synthetic_us": of_synthetic,
                        "ratio": of_synthetic / of_real,
                    }
                )
    return table
