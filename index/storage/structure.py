"""Whether arrays that were read fit together, so that no kernel reads outside of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.index.layout import WINDOW, Layout, padded

__all__ = ["fault"]


def fault(
    layout: Layout,
    attributes: dict[str, Any],
    ids: npt.NDArray[Any],
    id_ends: npt.NDArray[Any],
    id_hashes: npt.NDArray[Any],
    id_rows: npt.NDArray[Any],
    *,
    thorough: bool,
) -> str | None:
    """Say what does not fit, or return None.

    Parameters
    ----------
    layout, ids, id_ends, id_hashes, id_rows
        Arrays as read.
    attributes
        Holds documents, vocabulary_size, block_size, compact and calibration.
    thorough
        Look at every posting; otherwise at the shapes alone.
    """
    n = attributes["documents"]
    of_ids = {"ids": ids, "id_ends": id_ends, "id_hashes": id_hashes, "id_rows": id_rows}
    arrays = layout._asdict() | of_ids
    for name, array in arrays.items():
        if array.ndim != (2 if name in ("dense_maxima", "dense_codes") else 1):
            return f"{name} has {array.ndim} dimensions"
    n_terms = len(layout.columns)
    if n_terms and not n:
        return f"there are {n_terms} columns and no documents"
    n_blocks = -(-n // attributes["block_size"])
    n_windows = -(-n_blocks // WINDOW)
    compact = attributes["compact"]
    if compact and attributes["block_size"] != 1:
        return f"block_size is {attributes['block_size']}, a compact index has 1"
    if layout.has_champions and attributes["block_size"] == 1:
        return "there are champions, but no codes: block_size is 1"
    if any(entry[-1] for entry in attributes["calibration"]) and not layout.has_champions:
        return "the calibration asks for champions, and there are none"
    nnz = 0 if compact else len(layout.terms)
    coded = (layout.dense_maxima.shape[0], n) if compact else (0, 0)
    expected: dict[str, tuple[str, tuple[int, ...]]] = {
        "columns": ("u4", (n_terms,)),
        "by_column": ("u4", (n_terms,)),
        "scales": ("f8", (n_terms,)),
        "indptr": ("i8", (n + 1,)),
        "terms": ("u2" if n_terms <= 2**16 else "u4", (nnz,)),
        "codes": ("u1", (nnz if attributes["block_size"] > 1 else 0,)),
        "weights": ("f4", (nnz,)),
        "dense_rows": ("i4", (n_terms,)),
        "dense_maxima": ("u1", (layout.dense_maxima.shape[0], padded(n_blocks) // 2)),
        "dense_codes": ("u1", coded),
        "list_ptr": ("i8", (n_windows * n_terms + 1,)),
        "list_blocks": ("u2", (len(layout.list_blocks),)),
        "list_maxima": ("u1", (len(layout.list_blocks),)),
        "champion_ptr": ("i8", (n_terms + 1 if layout.has_champions else 0,)),
        "champion_rows": ("u4", (len(layout.champion_rows),)),
        "champion_codes": ("u1", (len(layout.champion_rows),)),
        "ids": ("u1", (len(ids),)),
        "id_ends": ("i8", (n,)),
        "id_hashes": ("u8", (n,)),
        "id_rows": ("u4", (n,)),
    }
    for name, (dtype, shape) in expected.items():
        array = arrays[name]
        if array.dtype != np.dtype(f"<{dtype}") or array.shape != shape:
            return f"{name} is {array.dtype}{list(array.shape)}, expected <{dtype}{list(shape)}"
    if not thorough:
        return None
    if np.any(id_rows >= n):
        return "id_rows are beyond the documents"
    return _posting_fault(layout, attributes, ids, id_ends, n_blocks)


def _posting_fault(
    layout: Layout,
    attributes: dict[str, Any],
    ids: npt.NDArray[Any],
    id_ends: npt.NDArray[Any],
    n_blocks: int,
) -> str | None:
    n_terms, n_dense = len(layout.columns), len(layout.dense_maxima)
    list_lengths = np.diff(layout.list_ptr).reshape(-1, max(n_terms, 1))
    last_window = n_blocks - (len(list_lengths) - 1) * WINDOW
    tail = layout.list_blocks[layout.list_ptr[-1 - n_terms] :] if n_terms else layout.list_blocks
    checks = {
        "a column is beyond the vocabulary": np.any(
            layout.columns >= attributes["vocabulary_size"]
        ),
        "by_column does not order the columns": n_terms
        and (
            layout.by_column.max() >= n_terms
            or np.any(np.diff(layout.columns[layout.by_column].astype(np.int64)) <= 0)
        ),
        "scales are not positive": not np.all((layout.scales > 0) & np.isfinite(layout.scales)),
        "indptr is not increasing from 0 to the postings": _no_offsets(
            layout.indptr, int(layout.indptr[-1]) if layout.compact else len(layout.terms)
        ),
        "a term is beyond the columns": np.any(layout.terms >= n_terms),
        "a code is 0": np.any(layout.codes == 0),
        "a weight is not positive": not np.all((layout.weights > 0) & np.isfinite(layout.weights)),
        "dense_rows are beyond dense_maxima": np.any(
            (layout.dense_rows < -1) | (layout.dense_rows >= n_dense)
        ),
        "list_ptr is not increasing from 0 to the entries": _no_offsets(
            layout.list_ptr, len(layout.list_blocks)
        ),
        "a list names a block beyond the last": len(tail) and tail.max() >= last_window,
        "champion_ptr is not increasing from 0 to the entries": _no_offsets(
            layout.champion_ptr if layout.has_champions else np.zeros(1, np.int64),
            len(layout.champion_rows),
        ),
        "champion_rows do not increase to the documents": _unordered(layout),
        "id_ends are not increasing to the bytes of the ids": _no_offsets(
            np.concatenate([[0], id_ends]), len(ids)
        ),
    }
    return next((problem for problem, found in checks.items() if found), None)


def _unordered(layout: Layout) -> bool:
    """Say whether the rows of some term's champions are not in order or beyond the last."""
    rows = layout.champion_rows
    increasing = rows[1:] > rows[:-1]
    starts = layout.champion_ptr[1:-1]
    increasing[starts[(starts > 0) & (starts < len(rows))] - 1] = True
    return bool(len(rows) and (rows.max() >= len(layout.indptr) - 1 or not increasing.all()))


def _no_offsets(offsets: npt.NDArray[Any], end: int) -> bool:
    return bool(offsets[0] != 0 or offsets[-1] != end or np.any(np.diff(offsets) < 0))
