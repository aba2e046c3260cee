"""Whether the codes and maxima of a layout bound the weights that they stand for."""

from __future__ import annotations

import numpy as np

from rarefy.index.compilation import kernel
from rarefy.index.impacts import NIBBLE_STEP, encode
from rarefy.index.layout import WINDOW, Array, Layout

__all__ = ["bound_fault"]


def bound_fault(layout: Layout, block_size: int) -> str | None:
    """Say which row has a weight above its bound, or return None.

    Search leaves out what its bounds rule out, so that a bound that is too low loses results. The
    arrays must fit together (`structure.fault`).
    """
    if layout.compact:
        row = _row_above_maxima(layout.dense_codes, layout.dense_maxima)
        return None if row < 0 else f"row {row} has a code above the maximum of its block"
    codes = encode(layout.terms, layout.weights, layout.scales, True)
    if block_size > 1 and np.any(layout.codes < codes):
        return "a code is below the weight that it stands for"
    row = _row_above_bounds(layout, codes, block_size)
    if row < 0:
        return None
    return f"row {row} has its terms in disorder, or a weight above the maximum of its block"


@kernel
def _row_above_bounds(layout: Layout, codes: Array, block_size: int) -> int:
    """Return the first row with a posting that its block's maximum does not bound, or -1."""
    n_terms = layout.columns.size
    nb = 2 * layout.dense_maxima.shape[1]
    at = layout.list_ptr.copy()
    for row in range(layout.indptr.size - 1):
        block = row // block_size
        window = block // WINDOW
        local = block - window * WINDOW
        column = -1
        for p in range(layout.indptr[row], layout.indptr[row + 1]):
            term = layout.terms[p]
            if int(layout.columns[term]) <= column:
                return row
            column = int(layout.columns[term])
            dense = layout.dense_rows[term]
            if dense >= 0:
                if codes[p] > _dense_bound(layout.dense_maxima, nb, dense, window, local):
                    return row
                continue
            place = window * n_terms + term
            end = layout.list_ptr[place + 1]
            while at[place] < end and layout.list_blocks[at[place]] < local:
                at[place] += 1
            e = at[place]
            if e == end or layout.list_blocks[e] != local or layout.list_maxima[e] < codes[p]:
                return row
    return -1


@kernel
def _row_above_maxima(dense_codes: Array, dense_maxima: Array) -> int:
    """Return a row of a compact layout whose code is above its maximum, or -1."""
    nb = 2 * dense_maxima.shape[1]
    for dense in range(dense_codes.shape[0]):
        for row in range(dense_codes.shape[1]):
            window = row // WINDOW
            local = row - window * WINDOW
            if dense_codes[dense, row] > _dense_bound(dense_maxima, nb, dense, window, local):
                return row
    return -1


@kernel
def _dense_bound(dense_maxima: Array, nb: int, dense: int, window: int, local: int) -> int:
    """Return what a dense row says of a block; see `Layout.dense_maxima`."""
    half = min(WINDOW, nb - window * WINDOW) // 2
    held = np.int64(dense_maxima[dense, window * (WINDOW // 2) + local % half])
    return int(NIBBLE_STEP * (held & 15 if local < half else held >> 4))
