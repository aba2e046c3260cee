"""Sparse vectors as lsr-benchmark exchanges them between encoders and engines.

``doc-embeddings.npz`` holds the arrays ``data``, ``indices`` and ``indptr`` of a CSR matrix,
without its shape, and ``doc-ids.txt`` beside it one id a line; so do ``query-embeddings.npz`` and
``query-ids.txt``. Terms are the numbers of columns. Its engines look for
``FOLDER/doc/doc-embeddings.npz`` and ``FOLDER/query/query-embeddings.npz``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from rarefy.errors import InputError
from rarefy.eval.interchange.lines import read_ids
from rarefy.eval.interchange.vectors import Vectors, check_finite, check_names, numbered
from rarefy.files import output_file

__all__ = ["inside", "read", "write"]

_MATRIX, _IDS = "-embeddings.npz", "-ids.txt"


def inside(folder: Path) -> Vectors | None:
    """Read the one matrix that a folder holds; None if it holds none."""
    found = sorted(folder.glob(f"*{_MATRIX}"))
    return read(found[0]) if len(found) == 1 else None


def read(path: Path) -> Vectors:
    """Read a matrix and the ids beside it."""
    beside = _ids(path)
    if not (path.is_file() and beside.is_file()):
        raise InputError(f"{path} or {beside} does not exist; expected both")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            data, indices, indptr = (arrays[name] for name in ("data", "indices", "indptr"))
        width = int(indices.max()) + 1 if len(indices) else 0
        matrix = csr_array((data, indices, indptr), shape=(len(indptr) - 1, width))
        matrix = csr_array(matrix, dtype=np.float32)
        matrix.check_format(full_check=True)
    except Exception as error:  # a damaged archive can fail in many ways
        raise InputError(
            f"{path} is not the CSR matrix of lsr-benchmark ({error}); expected the arrays data, "
            "indices (numbers of columns) and indptr"
        ) from error
    ids = read_ids(beside)
    check_names(beside, "ids", ids, matrix.shape[0])
    check_finite(path, ids, matrix)
    matrix.sum_duplicates()
    return Vectors(ids, matrix, numbered(width))


def write(path: Path, vectors: Vectors, scale: float | None) -> None:
    """Write a matrix of float32 weights and the ids beside it."""
    if scale is not None:
        raise InputError(f"{path}: the form holds float32 weights; write it without a scale")
    beside = _ids(path)
    stripped = next((key for key in vectors.ids if not key or key != key.strip()), None)
    if stripped is not None:
        raise InputError(f"{path}: id {stripped!r} is empty or has white space at its ends")
    matrix = vectors.matrix
    np.savez_compressed(
        output_file(path), data=matrix.data, indices=matrix.indices, indptr=matrix.indptr
    )
    beside.write_text("\n".join(vectors.ids), encoding="utf-8")


def _ids(path: Path) -> Path:
    if not path.name.endswith(_MATRIX):
        raise InputError(
            f"{path} does not say the ids of its rows; expected doc{_MATRIX} or query{_MATRIX} "
            "with ids beside it, or a folder of vectors.npz and ids.txt"
        )
    return path.with_name(path.name.removesuffix(_MATRIX) + _IDS)
