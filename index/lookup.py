"""Scores without postings by document: each term's list is searched for the candidates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rarefy.index.compilation import kernel
from rarefy.index.heaps import offer
from rarefy.index.impacts import decode
from rarefy.index.layout import WINDOW, Array, Layout
from rarefy.index.scratch import Scratch

__all__ = ["document_postings", "score_by_term"]

CALLEES = "8dc49464d1b2"
"""The start of the SHA-256 of the files of kernels that are called here; see their test."""


@kernel
def score_by_term(
    layout: Layout,
    scratch: Scratch,
    terms: Array,
    count: int,
    first_row: int,
    found: int,
    rows: Array,
    scores: Array,
) -> int:
    """Score all candidates, which are ordered by row, in a compact layout.

    Term by term, so that a list is walked once however many candidates there are. Results are rows
    counted from `first_row`. Returns how many there are; once they are k, they are a heap, worst
    first.
    """
    candidates, totals = scratch.candidates, scratch.totals
    totals[:count] = 0.0
    for j in range(terms.size):
        weight, scale = scratch.weights[terms[j]], layout.scales[terms[j]]
        dense = layout.dense_rows[terms[j]]
        if dense >= 0:
            for i in range(count):
                code = layout.dense_codes[dense, candidates[i]]
                totals[i] += weight * np.float64(decode(code, scale))
            continue
        window, at, end = -1, 0, 0
        for i in range(count):
            if candidates[i] // WINDOW != window:
                window = candidates[i] // WINDOW
                place = window * layout.columns.size + terms[j]
                at, end = layout.list_ptr[place], layout.list_ptr[place + 1]
            local = candidates[i] - window * WINDOW
            at = _first_from(layout.list_blocks, at, end, local)
            if at < end and layout.list_blocks[at] == local:
                totals[i] += weight * np.float64(decode(layout.list_maxima[at], scale))
    for i in range(count):
        score: float = np.float32(totals[i])  # type: ignore[assignment]
        found = offer(rows, scores, found, first_row + candidates[i], score)
    return found


def document_postings(
    layout: Layout, row: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
    """Return a document's columns and weights."""
    if not layout.compact:
        entries = slice(layout.indptr[row], layout.indptr[row + 1])
        return layout.columns[layout.terms[entries]], layout.weights[entries]
    codes = _codes(layout, row)
    terms = np.flatnonzero(codes)
    return layout.columns[terms], (codes[terms] * layout.scales[terms]).astype(np.float32)


@kernel
def _codes(layout: Layout, row: int) -> Array:
    """Return every term's code, uint8[T], in a document of a compact layout."""
    codes = np.zeros(layout.columns.size, np.uint8)
    window = row // WINDOW
    local = row - window * WINDOW
    for term in range(layout.columns.size):
        dense = layout.dense_rows[term]
        if dense >= 0:
            codes[term] = layout.dense_codes[dense, row]
            continue
        place = window * layout.columns.size + term
        end = layout.list_ptr[place + 1]
        at = _first_from(layout.list_blocks, layout.list_ptr[place], end, local)
        if at < end and layout.list_blocks[at] == local:
            codes[term] = layout.list_maxima[at]
    return codes


@kernel
def _first_from(blocks: Array, at: int, end: int, local: int) -> int:
    """Return the first entry in [at, end) of at least `local`, else end, by galloping."""
    step = 1
    while at + step <= end and blocks[at + step - 1] < local:
        at += step
        step *= 2
    high = min(at + step, end)
    while at < high:
        middle = (at + high) >> 1
        if blocks[middle] < local:
            at = middle + 1
        else:
            high = middle
    return at
