"""Which systems no other beats in quality, speed and size at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["dominated"]


def dominated(points: npt.ArrayLike | Sequence[Sequence[float]]) -> npt.NDArray[np.bool_]:
    """Tell the points that another one dominates: no worse in anything, better in something.

    The points that are left are the Pareto front.

    Parameters
    ----------
    points
        float[n, criteria]; more is better in each.

    Returns
    -------
    numpy.ndarray
        bool[n].
    """
    values = np.asarray(points, dtype=np.float64)
    if values.size == 0:
        return np.zeros(len(values), dtype=np.bool_)
    no_worse = (values[:, None] >= values[None]).all(axis=2)
    better = (values[:, None] > values[None]).any(axis=2)
    return np.asarray((no_worse & better).any(axis=0))
