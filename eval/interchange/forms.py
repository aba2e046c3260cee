"""Sparse vectors in files: the form is told by the name.

| name | form | weights |
|---|---|---|
| ``*.jsonl`` | JSON lines, Anserini's JsonVectorCollection | float32, or whole with a scale |
| a folder of ``*.jsonl`` | a JsonVectorCollection in parts (read only) | |
| ``*.tsv`` | queries as Anserini reads them: each term as often as it weighs | whole |
| ``*.ciff`` | Common Index File Format | whole |
| ``doc-embeddings.npz``, ``query-embeddings.npz`` | lsr-benchmark's, ids beside it | float32 |
| a folder | ``vectors.npz``, ``ids.txt``, ``terms.json``: this package's own | float32 |

Those of JSON, tables and CIFF may be gzip-compressed (``.gz``). Forms of float32 weights round-trip
bit for bit; those of whole numbers to ``1 / (2 * scale)``, and exactly where the weights times the
scale are whole and at most 2^24. CIFF has no columns for terms without documents and orders terms
by name; lsr-benchmark numbers the terms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from scipy.sparse import csr_array

from rarefy.errors import InputError
from rarefy.eval.interchange import ciff, folder, json_vectors, lsr_benchmark, query_terms
from rarefy.eval.interchange.vectors import Vectors, check_finite, check_names, numbered

__all__ = ["SCALE", "read_vectors", "write_vectors"]

SCALE = 100.0
"""Impacts a unit of weight, where whole numbers are asked for: Anserini's own."""


class _Form(NamedTuple):
    """How vectors of one kind of name are read and written."""

    read: Callable[[Path], Vectors]
    write: Callable[[Path, Vectors, float | None], None]
    scale: float | None  # where none is given


_BY_SUFFIX = {
    ".jsonl": _Form(json_vectors.read, json_vectors.write, None),
    ".tsv": _Form(query_terms.read, query_terms.write, SCALE),
    ".ciff": _Form(ciff.read, ciff.write, SCALE),
    ".npz": _Form(lsr_benchmark.read, lsr_benchmark.write, None),
}
_FOLDER = _Form(folder.read, folder.write, None)


def read_vectors(path: str | Path) -> Vectors:
    """Read sparse vectors in any form.

    Memory is that of the matrix and the ids.

    Parameters
    ----------
    path
        A file or a folder, in one of the forms of `rarefy.eval.interchange.forms`.

    Returns
    -------
    Vectors
        Weights as the file has them: impacts are not divided by the scale that made them, which no
        ranking depends on.

    Raises
    ------
    InputError
        If a file is missing or broken, an id occurs twice or a weight is not a finite number.
    MissingExtraError
        If the package that reads the form is not installed.
    """
    place = Path(path)
    if place.is_dir():
        parts = [] if folder.holds(place) else json_vectors.parts(place)
        if parts:
            return json_vectors.read(*parts)
        return lsr_benchmark.inside(place) or folder.read(place)
    return _form(place).read(place)


def write_vectors(
    path: str | Path,
    ids: Sequence[str],
    matrix: csr_array,
    *,
    terms: Sequence[str] | None = None,
    scale: float | None = None,
) -> None:
    """Write sparse vectors in the form that the name of `path` tells.

    Parameters
    ----------
    path
        The file, or the folder, which is made if it is missing.
    ids
        One id for each row, unique.
    matrix
        Sparse, float32[len(ids), V]; written as CSR.
    terms
        V names of the columns; default their numbers.
    scale
        What weights are multiplied by before they are rounded to whole numbers; `SCALE` by default
        for forms that hold nothing else. None writes float32 where the form holds them. It has no
        meaning for .npz and folders, which are for programs that read floats.

    Raises
    ------
    InputError
        If ids or terms differ in number from rows or columns, an id or a term cannot stand in the
        form, or a weight times the scale is no whole number from 0 to 2^31 - 1.
    MissingExtraError
        If the package that writes the form is not installed.
    """
    place = Path(path)
    matrix = csr_array(matrix)
    rows, columns = matrix.shape
    check_names(path, "ids", ids, rows)
    if terms is not None:
        check_names(path, "terms", terms, columns)
    check_finite(path, ids, matrix)
    broken = next((key for key in ids if "\n" in key or "\r" in key), None)
    if broken is not None:
        raise InputError(f"{path}: id {broken!r} has a line break; ids are written one a line")
    names = numbered(columns) if terms is None else terms
    form = _form(place)
    form.write(place, Vectors(list(ids), matrix, names), form.scale if scale is None else scale)


def _form(path: Path) -> _Form:
    return _BY_SUFFIX.get(Path(path.name.removesuffix(".gz")).suffix, _FOLDER)
