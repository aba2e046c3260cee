"""What a query takes on one shard: counted work times fitted costs.

    microseconds = call + term * terms + block * blocks + compare * compared + cell * cells
                   + entry * entries + champion * champions + bound * bounded + score * scored

The work is what search goes over (docs/engine.md, "Cost"): terms, for each of which a table is
made; sums of blocks, which are cleared once and compared in each round; cells of dense rows,
entries of lists and of lists of champions, which are added; documents that are bounded by their own
codes (none where blocks are single documents, whose sums are their bounds); and documents that are
scored, about as many as are asked for. Coefficients are not negative, with the least squares of
relative errors. Memory and building are straight lines in the postings.
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
from rarefy.index.merging import BLOCK_SIZES

__all__ = ["WORK", "Costs", "Point", "block_size"]

WORK = ("terms", "blocks", "compared", "cells", "entries", "champions", "bounded", "scored")
LARGEST_BLOCK = 4
"""Documents of a block beyond the last of `BLOCK_SIZES`."""
GROWING = ("blocks", "compared", "cells", "entries")
MEASURED = Path(__file__).parent / "measured.json"
"""What benchmarks/scale.py measured."""


@dataclass(frozen=True)
class Point:
    """A shard that was measured.

    Attributes
    ----------
    documents, postings, bytes : int
        What it holds; bytes are those of the arrays that search reads.
    block_size : int
        Documents of a block.
    kind : str
        "real" or "synthetic": where its documents are from.
    build_s : float
        Seconds of one core that building took.
    shapes : dict
        By the name of a kind of query: ``work``, means over queries of each of `WORK`; ``mean_us``;
        ``relative``, quantiles of a query's time by the mean; and ``recall``, the share of the
        exact best documents that were found.
    """

    documents: int
    kind: str
    block_size: int
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
        """Microseconds of a call, then of each of `WORK`; float64[9]."""
        rows, times = [], []
        for point in self.points:
            for shape in point.shapes.values():
                rows.append(_features(shape["work"]))
                times.append(shape["mean_us"])
        table, measured = np.array(rows), np.array(times)
        return _fitted(table, measured)

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
        return float(_features(counted) @ self.coefficients)

    def work(self, documents: int, shape: str = "k=10") -> dict[str, float]:
        """Return what a query goes over, drawn from the measured sizes.

        What is added up of a document stays the same as long as blocks hold as many of them, and
        so does what is bounded and scored in all. So both are means over the measured sizes with
        blocks of as many documents, or over all if there are none.
        """
        alike = self._alike(documents)
        found = {}
        for name in WORK:
            counts = np.array([point.shapes[shape]["work"][name] for point in alike])
            sizes = np.array([point.documents for point in alike])
            found[name] = float((counts * documents / sizes if name in GROWING else counts).mean())
        return found

    def _alike(self, documents: int) -> list[Point]:
        """Return the measured sizes with blocks of as many documents; all if there are none."""
        size = block_size(documents)
        return [point for point in self.points if point.block_size == size] or self.points

    def bytes(self, documents: int, postings: float) -> float:
        """Return the bytes of a shard: those of a posting are the mean of shards alike."""
        alike = self._alike(documents)
        return postings * float(np.mean([point.bytes / point.postings for point in alike]))

    def build_s(self, documents: int, postings: float) -> float:
        """Return the seconds of one core that building takes.

        A straight line in the postings; where there are champions, a second table of settings is
        fitted, to queries that are as many whatever the size.
        """
        table = np.array(
            [
                [1.0, point.postings, point.block_size == LARGEST_BLOCK]
                for point in self.points
            ]
        )  # fmt: skip
        taken = np.array([point.build_s for point in self.points])
        champions = block_size(documents) == LARGEST_BLOCK
        return float(_fitted(table, taken) @ [1.0, postings, champions])

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
                    "bytes": [point.bytes, others.bytes(point.documents, point.postings)],
                    "build_s": [point.build_s, others.build_s(point.documents, point.postings)],
                }
            )
        return rows


def block_size(documents: int) -> int:
    """Return how many documents a block has in an index of so many."""
    return next((size for most, size in BLOCK_SIZES if documents <= most), LARGEST_BLOCK)


def _fitted(
    table: npt.NDArray[np.float64], taken: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return coefficients, not negative, with the least squares of relative errors."""
    scale = np.where(table.any(axis=0), table.max(axis=0), 1.0)
    found, _ = nnls(table / scale / taken[:, None], np.ones(len(taken)))
    return np.where(table.any(axis=0), found / scale, 0.0)


def _features(work: Mapping[str, float]) -> npt.NDArray[np.float64]:
    return np.array([1.0, *(work[name] for name in WORK)])
