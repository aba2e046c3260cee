"""Impacts: weights as 8-bit codes, rounded so that they bound the weights from above.

A term t has the scale ``s_t = max_t / 255`` where max_t is its largest weight in the collection.
A weight w becomes the code ``c = ceil(w / s_t)``, 1..255, so that ``w <= c * s_t``. In a compact
layout c is rounded to the nearest, and ``c * s_t`` is the weight from then on.

A query has the products ``x_t = q_t * s_t``, the largest of which is X. Its weights become
``W_t = ceil(255 * x_t / X)``, 1..255, and the contribution of a code is
``u_t(c) = ceil(c * W_t / 2**shift)``: 0 where c is 0, at least 1 elsewhere. Then

    q_t * w  <=  x_t * c  <=  (X / 255) * W_t * c  <=  unit * u_t(c),   unit = (X / 255) * 2**shift

so that a sum of contributions, times unit, is at least the score. The sum is kept in 16 bits:
`quantise_query` picks the smallest shift for which even the largest sum of all terms fits. Up to
8 bits of shift suffice for 257 terms of equal weight and for many more of others; where they do
not, nothing is bounded. Maxima of codes over a block of documents bound every document of the block
in the same way.

This file is the only place that rounds weights.
"""

from __future__ import annotations

import numpy as np

from rarefy.index.compilation import kernel
from rarefy.index.layout import Array

__all__ = [
    "MAX_CODE",
    "MAX_SUM",
    "NIBBLE_STEP",
    "UNBOUNDED",
    "admitted_bound",
    "decode",
    "encode",
    "quantise_query",
    "sum_threshold",
    "term_scales",
]

FLOAT32_MAX = float(np.finfo(np.float32).max)
LEAST_FLOAT32 = 2.0**-149
"""Below 2**-126 float32 are multiples of this: rounding to one is not relative."""
MAX_CODE = 255
NIBBLE_STEP = 17
"""Codes in steps of 17, rounded up, take 4 bits: 15 steps are 255."""
MAX_SUM = 65_535
MAX_SHIFT = 8
UNBOUNDED = MAX_SHIFT + 1
"""Stands for a shift where sums of a query do not fit in 16 bits at any."""
SLACK = 1e-6
"""Relative slack of a threshold: covers the rounding of scores to float32 (6e-8) and of bounds."""


@kernel
def term_scales(terms: Array, weights: Array, n_terms: int) -> Array:
    """Return float64[n_terms]: each term's largest weight divided by 255."""
    scales = np.zeros(n_terms, np.float64)
    for p in range(terms.size):
        term = terms[p]
        if weights[p] > scales[term]:
            scales[term] = weights[p]
    return scales / MAX_CODE


@kernel
def encode(terms: Array, weights: Array, scales: Array, upwards: bool) -> Array:
    """Return uint8[nnz]: the code of each weight, rounded to the nearest, or up."""
    codes = np.empty(terms.size, np.uint8)
    for p in range(terms.size):
        exact = weights[p] / scales[terms[p]]
        code = np.ceil(exact) if upwards else np.floor(exact + 0.5)
        codes[p] = int(min(float(MAX_CODE), max(1.0, code)))  # infinite where a scale is forged
    return codes


@kernel
def decode(code: int, scale: float) -> float:
    """Return the weight, float32, that a code stands for in a compact layout."""
    return np.float32(np.float64(code) * scale)  # type: ignore[return-value]


@kernel
def quantise_query(terms: Array, weights: Array, m: int, scales: Array) -> tuple[Array, int, float]:
    """Return W_t (uint16[m]), the shift, maybe `UNBOUNDED`, and the unit of `impacts`."""
    largest = 0.0
    for j in range(m):
        largest = max(largest, weights[j] * scales[terms[j]])
    integers = np.empty(m, np.uint16)
    for j in range(m):
        product = weights[j] * scales[terms[j]]
        integers[j] = min(MAX_CODE, max(1, int(np.ceil(product / largest * MAX_CODE))))
    shift = 0
    while shift < UNBOUNDED:
        total = np.int64(0)
        for j in range(m):
            total += (np.int64(integers[j]) * MAX_CODE + (1 << shift) - 1) >> shift
        if total <= MAX_SUM:
            break
        shift += 1
    return integers, shift, largest / MAX_CODE * 2.0**shift


@kernel
def sum_threshold(score: float, unit: float) -> int:
    """Return the sum, at least 1, below which no document reaches the score."""
    return int(max(1.0, min(float(MAX_SUM), np.floor(admitted_bound(score) / unit))))


@kernel
def admitted_bound(score: float) -> float:
    """Return the bound from which a document may reach the score, float64.

    Scores beyond float32 are infinite and tie; their bounds are finite.
    """
    return min(np.float64(score), FLOAT32_MAX) * (1.0 - SLACK) - LEAST_FLOAT32
