"""Impacts: weights as 8-bit codes, rounded so that they bound the weights from above.

A term t has the scale ``s_t = max_t / 255`` where max_t is its largest weight in the collection.
A weight w becomes the code ``c = ceil(w / s_t)``, 1..255, so that ``w <= c * s_t``.

A query has the products ``x_t = q_t * s_t``, the largest of which is X. Its weights become
``W_t = ceil(255 * x_t / X)``, 1..255, and the contribution of a code is
``u_t(c) = ceil(c * W_t / 2**shift)``: 0 where c is 0, at least 1 elsewhere. Then

    q_t * w  <=  x_t * c  <=  (X / 255) * W_t * c  <=  unit * u_t(c),   unit = (X / 255) * 2**shift

so that a sum of contributions, times unit, is at least the score. The sum is kept in 16 bits and
stays at 65,535 when it would overflow, where no threshold cuts: `quantise_query` picks the smallest
shift for which even the largest sum of all terms fits, if one does. Maxima of codes over a block of
documents bound every document of the block in the same way.

The constants are here; the query's half runs in every search and stands in `kernels`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from rarefy.index.layout import Array

__all__ = ["MAX_CODE", "MAX_SHIFT", "MAX_SUM", "SLACK", "encode", "term_scales"]

MAX_CODE = 255
MAX_SUM = 65_535
MAX_SHIFT = 8
SLACK = 1e-6
"""Relative slack of a threshold: covers the rounding of scores to float32 (6e-8) and of bounds."""


@njit(nogil=True, cache=True)
def term_scales(terms: Array, weights: Array, n_terms: int) -> Array:
    """Return float64[n_terms]: each term's largest weight divided by 255."""
    scales = np.zeros(n_terms, np.float64)
    for p in range(terms.size):
        term = terms[p]
        if weights[p] > scales[term]:
            scales[term] = weights[p]
    return scales / MAX_CODE


@njit(nogil=True, cache=True)
def encode(terms: Array, weights: Array, scales: Array) -> Array:
    """Return uint8[nnz]: the code of each weight."""
    codes = np.empty(terms.size, np.uint8)
    for p in range(terms.size):
        codes[p] = min(MAX_CODE, max(1, int(np.ceil(weights[p] / scales[terms[p]]))))
    return codes
