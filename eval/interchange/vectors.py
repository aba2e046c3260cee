"""Sparse vectors on disk, in two forms.

JSON lines (``.jsonl``, ``.jsonl.gz``)
    ``{"id": "d1", "vector": {"cat": 1.5, "dog": 0.25}}`` a line; other fields are ignored, so
    Anserini's JsonVectorCollection is read as well.
a folder
    ``vectors.npz`` (a CSR matrix, float32, by ``scipy.sparse.save_npz``), ``ids.txt`` (one id a
    line, a line for each row) and, where the terms have names, ``terms.json`` (a list of them, one
    for each column).
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array, load_npz, save_npz

from rarefy.errors import InputError
from rarefy.eval.interchange.lines import open_text, read_json_lines
from rarefy.files import output_folder

__all__ = ["Vectors", "align", "read_vectors", "write_vectors"]

_MATRIX, _IDS, _TERMS = "vectors.npz", "ids.txt", "terms.json"


@dataclass(frozen=True)
class Vectors:
    """Sparse vectors with the names of their rows and columns.

    Parameters
    ----------
    ids
        One id for each row, unique.
    matrix
        CSR, float32[len(ids), V], indices sorted, weights finite.
    terms
        V names of the columns, unique; by default their numbers: ``"0"``, ``"1"``, ...
    """

    ids: list[str]
    matrix: csr_array
    terms: Sequence[str]


class _Columns(dict[str, int]):
    """Term -> column; a new term gets the next column."""

    def __missing__(self, term: str) -> int:
        column = self[term] = len(self)
        return column


def read_vectors(path: str | Path) -> Vectors:
    """Read sparse vectors in either form.

    Memory is that of the matrix and the ids.

    Parameters
    ----------
    path
        A ``.jsonl`` or ``.jsonl.gz`` file, or a folder.

    Raises
    ------
    InputError
        If a file is missing or broken, an id occurs twice or a weight is not a finite number.
    """
    return _read_folder(Path(path)) if Path(path).is_dir() else _read_json(path)


def write_vectors(
    path: str | Path, ids: Sequence[str], matrix: csr_array, *, terms: Sequence[str] | None = None
) -> None:
    """Write sparse vectors: JSON lines where `path` ends in .jsonl or .jsonl.gz, else a folder.

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

    Raises
    ------
    InputError
        If ids or terms differ in number from rows or columns, or an id holds a line break.
    """
    matrix = csr_array(matrix)
    rows, columns = matrix.shape
    _check_names(path, "ids", ids, rows)
    if terms is not None:
        _check_names(path, "terms", terms, columns)
    broken = next((key for key in ids if "\n" in key or "\r" in key), None)
    if broken is not None:
        raise InputError(f"{path}: id {broken!r} has a line break; ids are written one a line")
    if Path(path).name.removesuffix(".gz").endswith(".jsonl"):
        _write_json(path, ids, matrix, terms or range(columns))
        return
    folder = output_folder(path)
    save_npz(folder / _MATRIX, matrix)
    (folder / _IDS).write_text("".join(f"{key}\n" for key in ids), encoding="utf-8")
    (folder / _TERMS).unlink(missing_ok=True)  # those of other vectors
    if terms is not None:
        (folder / _TERMS).write_text(json.dumps(list(terms), ensure_ascii=False), encoding="utf-8")


def align(documents: Vectors, queries: Vectors) -> tuple[Vectors, Vectors]:
    """Put the vectors of documents and of queries over one vocabulary, the documents' first.

    Terms that only queries have keep their columns, which are empty in the documents.
    """
    if documents.terms == queries.terms:
        return documents, queries
    columns = _Columns(zip(documents.terms, range(len(documents.terms)), strict=True))
    renamed = np.fromiter(
        map(columns.__getitem__, queries.terms), dtype=np.int64, count=len(queries.terms)
    )
    terms = list(columns)
    old, new = documents.matrix, queries.matrix
    wide = csr_array((old.data, old.indices, old.indptr), shape=(old.shape[0], len(terms)))
    moved = csr_array(
        (new.data, renamed[new.indices], new.indptr), shape=(new.shape[0], len(terms))
    )
    moved.sort_indices()
    return Vectors(documents.ids, wide, terms), Vectors(queries.ids, moved, terms)


def _read_json(path: str | Path) -> Vectors:
    columns = _Columns()
    ids: dict[str, int] = {}  # id -> line
    indptr, indices, data = array("q", [0]), array("i"), array("f")
    for number, record in read_json_lines(path):
        key, vector = record.get("id"), record.get("vector")
        if not isinstance(key, str) or not isinstance(vector, dict):
            raise InputError(
                f"{path}:{number}: expected "
                '{"id": "a string", "vector": {"term": weight, ...}}, '
                f"found {json.dumps(record)[:80]}"
            )
        if key in ids:
            raise InputError(f"{path}:{number}: id {key!r} occurs twice; ids must be unique")
        ids[key] = number
        indices.extend(map(columns.__getitem__, vector))
        try:
            data.extend(vector.values())
        except (TypeError, OverflowError) as error:
            raise InputError(
                f"{path}:{number}: a weight is not a number ({error}); expected "
                '{"term": weight, ...}'
            ) from error
        indptr.append(len(indices))
    if not ids:
        raise InputError(f"{path} has no vectors; expected one JSON object a line")
    weights = np.frombuffer(data, dtype=np.float32) if data else np.empty(0, np.float32)
    columns_of = np.frombuffer(indices, dtype=np.int32) if indices else np.empty(0, np.int32)
    starts = np.frombuffer(indptr, dtype=np.int64)
    if len(indices) <= np.iinfo(np.int32).max:  # else scipy needs wide indices as well
        starts = starts.astype(np.int32)
    matrix = csr_array((weights, columns_of, starts), shape=(len(ids), len(columns)))
    _check_finite(path, list(ids), matrix)
    matrix.sort_indices()
    return Vectors(list(ids), matrix, list(columns))


def _read_folder(folder: Path) -> Vectors:
    missing = [name for name in (_MATRIX, _IDS) if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{folder} has no {' and no '.join(missing)}; expected the folder that "
            "rarefy encode writes"
        )
    try:
        matrix = csr_array(load_npz(folder / _MATRIX), dtype=np.float32)
        matrix.check_format(full_check=True)  # scipy's own code trusts the indices
    except Exception as error:  # a damaged archive can fail in many ways
        raise InputError(
            f"{folder / _MATRIX} is not a sparse matrix of scipy.sparse.save_npz: {error}"
        ) from error
    try:
        # not splitlines(), which breaks lines at characters that ids may hold
        ids = (folder / _IDS).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{folder / _IDS} is not UTF-8 text ({error.reason}); convert the file to UTF-8"
        ) from error
    _check_names(folder / _IDS, "ids", ids, matrix.shape[0])
    terms: Sequence[str] = [str(column) for column in range(matrix.shape[1])]
    if (folder / _TERMS).is_file():
        terms = _read_terms(folder / _TERMS)
        _check_names(folder / _TERMS, "terms", terms, matrix.shape[1])
    _check_finite(folder, ids, matrix)
    matrix.sort_indices()
    return Vectors(ids, matrix, terms)


def _write_json(
    path: str | Path, ids: Sequence[str], matrix: csr_array, terms: Sequence[str] | range
) -> None:
    with open_text(path, "w") as handle:
        for row, key in enumerate(ids):
            start, end = matrix.indptr[row : row + 2]
            names = [str(terms[column]) for column in matrix.indices[start:end].tolist()]
            # str() of a float32 is the shortest text that reads back as the same float32
            weights = [float(str(weight)) for weight in matrix.data[start:end]]
            record = {"id": key, "vector": dict(zip(names, weights, strict=True))}
            handle.write(json.dumps(record, ensure_ascii=False) + "\n")


def _read_terms(path: Path) -> list[str]:
    try:
        terms = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); expected a list of strings") from error
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        raise InputError(f"{path} is not a list of strings; expected the terms of the columns")
    return terms


def _check_names(path: str | Path, what: str, names: Sequence[str], count: int) -> None:
    if len(names) != count:
        raise InputError(f"{path}: {len(names)} {what}; the matrix has {count}")
    if len(set(names)) < count:
        twice, _ = Counter(names).most_common(1)[0]
        raise InputError(f"{path}: {twice!r} occurs twice among the {what}; they must be unique")


def _check_finite(path: str | Path, ids: Sequence[str], matrix: csr_array) -> None:
    wrong = np.flatnonzero(~np.isfinite(matrix.data))
    if len(wrong):
        row = int(np.searchsorted(matrix.indptr, wrong[0], side="right")) - 1
        raise InputError(
            f"{path}: the vector of {ids[row]!r} has the weight {matrix.data[wrong[0]]}; "
            "weights must be finite"
        )
