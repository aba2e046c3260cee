"""One encoder's vectors brought to another's space in closed form, with no training."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from rarefy.errors import InputError

__all__ = ["Anchors", "kernel_map", "ridge_map", "spread_like"]


class Anchors(NamedTuple):
    """Further pairs that an alignment rests on, such as the classes that an encoder learnt from."""

    vectors: NDArray[np.floating]
    """Float [m, d], by the encoder of items."""
    captions: list[str]
    """One text each."""
    share: float = 0.5
    """How much all of them weigh, where all items weigh 1."""


def ridge_map(
    vectors: NDArray[np.floating],
    targets: NDArray[np.floating],
    ridge: float = 1.0,
    weights: NDArray[np.floating] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    r"""Return the affine map that predicts targets best, by ridge regression.

    With X and Y centred and :math:`\bar\sigma` the mean of the n eigenvalues of
    :math:`X X^\top`,

    .. math:: W = X^\top (X X^\top + \lambda \bar\sigma I)^{-1} Y, \qquad b = \bar y - W^\top \bar x

    Hoerl and Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems", 1970.

    Parameters
    ----------
    vectors : float [n, d]
    targets : float [n, h]
    ridge
        Lambda.
    weights : float [n]
        How much each pair counts, above 0; by default all the same.

    Returns
    -------
    weight : float32 [d, h], bias : float32 [h]

    Raises
    ------
    InputError
        If there is not one target and one weight above 0 for each vector.
    """
    x, y = (np.asarray(side, dtype=np.float64) for side in (vectors, targets))
    shares = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not len(x) == len(y) == len(shares) or not (shares > 0).all():
        raise InputError(
            f"there are {len(x)} vectors, {len(y)} targets and {len(shares)} weights; expected as "
            "many of each, and weights above 0"
        )
    shares = shares[:, None] / shares.mean()
    x_mean, y_mean = (shares * x).mean(0), (shares * y).mean(0)
    x, y = np.sqrt(shares) * (x - x_mean), np.sqrt(shares) * (y - y_mean)
    damping = ridge * max(float((x * x).sum()), 1e-12) / len(x)
    # The smaller of two systems with the same solution.
    if x.shape[1] <= len(x):
        weight = np.linalg.solve(x.T @ x + damping * np.eye(x.shape[1]), x.T @ y)
    else:
        weight = x.T @ np.linalg.solve(x @ x.T + damping * np.eye(len(x)), y)
    return weight.astype(np.float32), (y_mean - x_mean @ weight).astype(np.float32)


def kernel_map(
    likeness: NDArray[np.floating],
    targets: NDArray[np.floating],
    ridge: float,
    weights: NDArray[np.floating],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    r"""Return the affine map of likenesses that predicts targets best, by kernel ridge regression.

    With K the likenesses of the n known items to each other and w the weights over their mean,

    .. math:: \alpha = (K + \lambda\, \mathrm{diag}(1 / w))^{-1} (Y - \bar y)

    of which an item's prediction is :math:`k(x)^\top \alpha + \bar y`. Saunders, Gammerman and
    Vovk, "Ridge Regression Learning Algorithm in Dual Variables", ICML 1998. It takes memory for
    two matrices of n times n numbers, and time of the order of their third power.

    Parameters
    ----------
    likeness : float [n, n]
        Positive definite, with ones on the diagonal.
    targets : float [n, h]
    ridge
        Lambda, above 0.
    weights : float [n]
        How much each pair counts, above 0.

    Returns
    -------
    alpha : float32 [n, h], mean : float32 [h]

    Raises
    ------
    InputError
        If there is not one target and one weight above 0 for each item, or the ridge is not above
        0.
    """
    if not likeness.shape == (len(targets), len(weights)) or not (weights > 0).all():
        raise InputError(
            f"likenesses are {likeness.shape}, of {len(targets)} targets and {len(weights)} "
            "weights; expected as many of each, and weights above 0"
        )
    if not ridge > 0:
        raise InputError(f"ridge is {ridge}; expected a number above 0, as likenesses may coincide")
    shares = weights / weights.mean()
    mean = (shares[:, None] * targets).mean(0)
    damped = likeness + np.diag(ridge / shares).astype(likeness.dtype)
    solved = linalg.solve(damped, targets - mean, assume_a="pos", overwrite_a=True)
    return solved.astype(np.float32), mean.astype(np.float32)


def spread_like(rows: NDArray[np.floating], vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return directions as vectors that lie about the mean of others, as far from it as these.

    So the rows of a classifier stand for the items that it would be sure of.

    Parameters
    ----------
    rows : float [m, d]
        Directions, of which their mean is taken off.
    vectors : float [n, d]

    Returns
    -------
    float32 [m, d]
    """
    mean = vectors.mean(0)
    centred = rows - rows.mean(0)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    far = np.linalg.norm(vectors - mean, axis=1).mean()
    spread: NDArray[np.float32] = (mean + far * centred / lengths.clip(1e-12)).astype(np.float32)
    return spread
