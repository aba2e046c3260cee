"""What a query takes on one shard: counted work times fitted costs.

    microseconds = call + block * blocks + cell * cells + entry * entries
                   + look * looked_at * log2(documents)

The work is what exact search goes over (docs/engine.md, "Cost"): sums of blocks that are cleared
and compared, cells of dense rows, entries of lists, and blocks that are looked at, whose memory is
the further away the more documents there are. Coefficients are not negative, with the least squares
of relative errors. Memory and building are straight lines in the postings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from rarefy.errors import InputError

__all__ = ["WORK", "Costs", "Point"]

WORK = ("blocks", "cells", "entries", "looked_at")
MEASURED = Path(__file__).parent / "measured.json"
"""What benchmarks/scale.py measured."""


@dataclass(frozen=True)
class Point:
    """A shard that was measured.

    Attributes
    ----------
    documents, postings, bytes : int
        What it holds; bytes are those of the arrays that search reads.
    kind : str
        "real" or "synthetic": where its documents are from.
    build_s : float
        Seconds of one core that building took.
    shapes : dict
        By the name of a kind of query: ``work``, means over queries of each of `WORK`; ``mean_us``;
        and ``relative``, quantiles of a query's time by the mean.
    """

    documents: int
    kind: str
    postings: int
    bytes: int
    build_s: float
    shapes: Mapping[str, Mapping[str, Any]]


class Costs:
    """A model of what shards take.

    Parameters
    ----------
    points
        Measured shards, two sizes at least.
    """

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = sorted(points, key=lambda point: point.documents)
        if len({point.documents for point in points}) < 2:
            raise InputError(f"costs are fitted to two sizes at least, got {len(points)} points")

    @classmethod
    def measured(cls, path: Path = MEASURED) -> Costs:
        """Return the model of the points in a file, by default those that come with rarefy."""
        record = json.loads(path.read_text(encoding="utf-8"))
        return cls([Point(**point) for point in record["shards"]])

    @cached_property
    def coefficients(self) -> npt.NDArray[np.float64]:
        """Microseconds of a call, then of each of `WORK`; float64[5]."""
        rows, times = [], []
        for point in self.points:
            for shape in point.shapes.values():
                rows.append(_features(point.documents, shape["work"]))
                times.append(shape["mean_us"])
        table, measured = np.array(rows), np.array(times)
        scale = table.max(axis=0)
        found, _ = nnls(table / scale / measured[:, None], np.ones(len(measured)))
        return found / scale

    def microseconds(
        self, documents: int, shape: str = "k=10", work: Mapping[str, float] | None = None
    ) -> float:
        """Return the mean time of a query.

        Parameters
        ----------
        documents
            Of the shard.
        shape
            The kind of query.
        work
            What it goes over; by default as `work` says.
        """
        counted = self.work(documents, shape) if work is None else work
        return float(_features(documents, counted) @ self.coefficients)

    def work(self, documents: int, shape: str = "k=10") -> dict[str, float]:
        """Return what a query goes over, drawn between and beyond the measured sizes.

        Work for a document is drawn over the logarithm of the size; beyond the measured sizes that
        of the nearest is taken. The blocks that are looked at follow a power of the size.
        """
        sizes = np.array([point.documents for point in self.points], float)
        counts = {
            name: np.array([point.shapes[shape]["work"][name] for point in self.points])
            for name in WORK
        }
        at, places = np.log(documents), np.log(sizes)
        found = {
            name: float(documents * np.interp(at, places, counts[name] / sizes))
            for name in WORK[:-1]
        }
        slope, start = np.polyfit(places, np.log(counts["looked_at"]), 1)
        within = np.interp(at, places, np.log(counts["looked_at"]))
        beyond = not places[0] <= at <= places[-1]
        found["looked_at"] = float(np.exp(start + slope * at if beyond else within))
        return found

    def bytes(self, postings: float) -> float:
        """Return the bytes of a shard of so many postings, by the mean of those measured."""
        return postings * float(np.mean([point.bytes / point.postings for point in self.points]))

    def build_s(self, postings: float) -> float:
        """Return the seconds of one core that building takes: a straight line in the postings."""
        table = np.array([[1.0, point.postings] for point in self.points])
        taken = np.array([point.build_s for point in self.points])
        scale = table.max(axis=0)
        found, _ = nnls(table / scale / taken[:, None], np.ones(len(taken)))
        return float(found / scale @ [1.0, postings])

    def left_out(self) -> list[dict[str, Any]]:
        """Predict each measured size from the others alone.

        Returns
        -------
        list of dict
            ``documents``; ``shapes``, by name ``measured_us``, ``counted_us`` (with the work that
            was counted) and ``drawn_us`` (with the work of the others); and ``bytes`` and
            ``build_s``, measured and predicted.
        """
        rows = []
        for point in self.points:
            others = Costs([other for other in self.points if other is not point])
            shapes = {
                name: {
                    "measured_us": shape["mean_us"],
                    "counted_us": others.microseconds(point.documents, name, shape["work"]),
                    "drawn_us": others.microseconds(point.documents, name),
                }
                for name, shape in point.shapes.items()
            }
            rows.append(
                {
                    "documents": point.documents,
                    "shapes": shapes,
                    "bytes": [point.bytes, others.bytes(point.postings)],
                    "build_s": [point.build_s, others.build_s(point.postings)],
                }
            )
        return rows


def _features(documents: int, work: Mapping[str, float]) -> npt.NDArray[np.float64]:
    counts = [1.0, *(work[name] for name in WORK)]
    counts[-1] *= np.log2(documents)
    return np.array(counts)
