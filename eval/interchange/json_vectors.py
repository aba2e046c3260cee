"""Sparse vectors as JSON lines: ``{"id": "d1", "vector": {"cat": 1.5, "dog": 0.25}}``.

Other fields are ignored, so Anserini's JsonVectorCollection is read as well; written with a scale,
the weights are whole and the lines are such a collection, for ``-impact -pretokenized``.
"""

from __future__ import annotations

import json
from array import array
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from rarefy.errors import InputError
from rarefy.eval.interchange.lines import open_text, read_json_lines
from rarefy.eval.interchange.vectors import Columns, Vectors, check_finite, impacts
from rarefy.files import output_file

__all__ = ["parts", "read", "write"]


def parts(folder: Path) -> list[Path]:
    """Return the files of a collection in parts, in the order of their names."""
    return sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")])


def read(*paths: Path) -> Vectors:
    """Read one file, or the parts of a collection."""
    columns = Columns()
    ids: dict[str, int] = {}
    indptr, indices, data = array("q", [0]), array("i"), array("f")
    for path in paths:
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
            ids[key] = len(ids)
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
        raise InputError(f"{paths[0]} has no vectors; expected one JSON object a line")
    weights = np.frombuffer(data, dtype=np.float32) if data else np.empty(0, np.float32)
    columns_of = np.frombuffer(indices, dtype=np.int32) if indices else np.empty(0, np.int32)
    starts = np.frombuffer(indptr, dtype=np.int64)
    if len(indices) <= np.iinfo(np.int32).max:  # else scipy needs wide indices as well
        starts = starts.astype(np.int32)
    matrix = csr_array((weights, columns_of, starts), shape=(len(ids), len(columns)))
    check_finite(paths[0], list(ids), matrix)
    matrix.sort_indices()
    return Vectors(list(ids), matrix, list(columns))


def write(path: Path, vectors: Vectors, scale: float | None) -> None:
    """Write one line a row; whole numbers with a scale, else the shortest text of each float32."""
    matrix = vectors.matrix if scale is None else impacts(path, vectors.matrix, scale)
    # str() of a float32 is the shortest text that reads back as the same float32
    number = int if scale is not None else lambda weight: float(str(weight))
    with open_text(output_file(path), "w") as handle:
        for row, key in enumerate(vectors.ids):
            start, end = matrix.indptr[row : row + 2]
            names = [vectors.terms[column] for column in matrix.indices[start:end].tolist()]
            weights = [number(weight) for weight in matrix.data[start:end]]
            record = {"id": key, "vector": dict(zip(names, weights, strict=True))}
            handle.write(json.dumps(record, ensure_ascii=False) + "\n")
