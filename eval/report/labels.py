"""Labels of points, placed so that none covers another, a point or the line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

__all__ = ["label_points", "overlap"]

# Right of the point, left, above, below, then the corners; nearest first.
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
DISTANCES = (9, 16, 26, 40)  # in points
MARKER = 6  # half the size of a marker with some air, in pixels
STEPS = 40  # of the line between two of its points


def label_points(
    axes: Axes,
    names: Sequence[str],
    points: Sequence[tuple[float, float]],
    line: Sequence[tuple[float, float]],
) -> None:
    """Write each name beside its point, at the first place where it touches nothing else.

    Where no place is free, the name stands where it covers the least. The layout of the figure
    and the limits of the axes must be final.

    Parameters
    ----------
    axes
        Where the points are drawn.
    names
        A label for each point.
    points
        In the axes' data coordinates.
    line
        Corners of a line that labels keep off, in data coordinates.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(axes.figure).get_renderer()  # type: ignore[arg-type]
    taken = _obstacles(axes, points, line)
    for name, point in zip(names, points, strict=True):
        tried: list[tuple[float, int, Annotation, Bbox]] = []
        for distance, (right, up) in itertools.product(DISTANCES, DIRECTIONS):
            text = axes.annotate(
                name,
                point,
                (right * distance, up * distance),
                textcoords="offset points",
                ha=("center", "left", "right")[right],
                va=("center", "bottom", "top")[up],
                parse_math=False,
            )
            box = text.get_window_extent(renderer).padded(1)
            cost = overlap(box, taken) + _overhang(box, axes.bbox)
            tried.append((cost, len(tried), text, box))
            if cost == 0:
                break
        *_, kept, box = min(tried, key=lambda candidate: candidate[:2])
        for *_, text, _ in tried:
            if text is not kept:
                text.remove()
        taken.append(box)


def overlap(box: Bbox, others: Sequence[Bbox]) -> float:
    """Return the area that a box shares with others, each counted for itself.

    Parameters
    ----------
    box, others
        In pixels.
    """
    return sum(_shared(box, other) for other in others)


def _obstacles(
    axes: Axes, points: Sequence[tuple[float, float]], line: Sequence[tuple[float, float]]
) -> list[Bbox]:
    from matplotlib.transforms import Bbox

    def pixels(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [tuple(place) for place in axes.transData.transform(places)] if places else []

    boxes = [
        Bbox.from_extents(x - MARKER, y - MARKER, x + MARKER, y + MARKER) for x, y in pixels(points)
    ]
    for (x0, y0), (x1, y1) in itertools.pairwise(pixels(line)):
        for step in range(STEPS):
            x, y = x0 + (x1 - x0) * step / STEPS, y0 + (y1 - y0) * step / STEPS
            boxes.append(Bbox.from_extents(x - 1, y - 1, x + 1, y + 1))
    return boxes


def _overhang(box: Bbox, frame: Bbox) -> float:
    outside = box.width * box.height - _shared(box, frame)
    return outside if outside > 1e-6 else 0.0


def _shared(one: Bbox, other: Bbox) -> float:
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(0.0, width) * max(0.0, height)
