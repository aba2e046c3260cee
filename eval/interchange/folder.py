"""Sparse vectors as a folder: what ``rarefy encode`` writes.

``vectors.npz`` (a CSR matrix, float32, by ``scipy.sparse.save_npz``), ``ids.txt`` (one id a line, a
line for each row) and, where the terms have names, ``terms.json`` (a list of them, one for each
column).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array, load_npz, save_npz

from rarefy.errors import InputError
from rarefy.eval.interchange.lines import read_ids
from rarefy.eval.interchange.vectors import Vectors, check_finite, check_names, numbered
from rarefy.files import output_folder

__all__ = ["holds", "read", "write"]

_MATRIX, _IDS, _TERMS = "vectors.npz", "ids.txt", "terms.json"


def holds(path: Path) -> bool:
    """Whether a folder holds vectors in this form, whatever else it holds."""
    return (path / _MATRIX).is_file()


def read(path: Path) -> Vectors:
    """Read a folder."""
    missing = [name for name in (_MATRIX, _IDS) if not (path / name).is_file()]
    if missing:
        raise InputError(
            f"{path} has no {' and no '.join(missing)}; expected the folder that "
            "rarefy encode writes"
        )
    try:
        matrix = csr_array(load_npz(path / _MATRIX), dtype=np.float32)
        matrix.check_format(full_check=True)  # scipy's own code trusts the indices
    except Exception as error:  # a damaged archive can fail in many ways
        raise InputError(
            f"{path / _MATRIX} is not a sparse matrix of scipy.sparse.save_npz: {error}"
        ) from error
    ids = read_ids(path / _IDS)
    check_names(path / _IDS, "ids", ids, matrix.shape[0])
    terms = numbered(matrix.shape[1])
    if (path / _TERMS).is_file():
        terms = _read_terms(path / _TERMS)
        check_names(path / _TERMS, "terms", terms, matrix.shape[1])
    check_finite(path, ids, matrix)
    matrix.sort_indices()
    return Vectors(ids, matrix, terms)


def write(path: Path, vectors: Vectors, scale: float | None) -> None:
    """Write a folder of float32 weights."""
    if scale is not None:
        raise InputError(f"{path}: a folder holds float32 weights; write it without a scale")
    folder = output_folder(path)
    save_npz(folder / _MATRIX, vectors.matrix)
    (folder / _IDS).write_text("".join(f"{key}\n" for key in vectors.ids), encoding="utf-8")
    (folder / _TERMS).unlink(missing_ok=True)  # those of other vectors
    if list(vectors.terms) != numbered(vectors.matrix.shape[1]):
        terms = json.dumps(list(vectors.terms), ensure_ascii=False)
        (folder / _TERMS).write_text(terms, encoding="utf-8")


def _read_terms(path: Path) -> list[str]:
    try:
        terms = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); expected a list of strings") from error
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        raise InputError(f"{path} is not a list of strings; expected the terms of the columns")
    return terms
