"""Query vectors as Anserini reads them: an id, a tab, and each term as often as it weighs.

``q1<tab>cat cat cat dog`` is ``{"cat": 3, "dog": 1}``: topics for ``-topicReader TsvString
-impact -pretokenized``, as Anserini distributes those of SPLADE and uniCOIL.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from rarefy.errors import InputError
from rarefy.eval.interchange.lines import open_text, read_lines
from rarefy.eval.interchange.vectors import Columns, Vectors, impacts
from rarefy.files import output_file

__all__ = ["read", "write"]


def read(path: Path) -> Vectors:
    """Read queries; a term weighs as often as it occurs."""
    columns = Columns()
    rows: dict[str, Counter[str]] = {}
    for number, line in read_lines(path):
        key, tab, terms = line.partition("\t")
        if not tab or not key.strip():
            raise InputError(
                f"{path}:{number}: no id and tab; expected 'id<tab>term term ...', "
                f"found {line[:80]!r}"
            )
        if key in rows:
            raise InputError(f"{path}:{number}: id {key!r} occurs twice; ids must be unique")
        rows[key] = Counter(terms.split())
    if not rows:
        raise InputError(f"{path} has no vectors; expected 'id<tab>term term ...' a line")
    indptr = np.cumsum([0, *(len(counts) for counts in rows.values())])
    indices = [columns[term] for counts in rows.values() for term in counts]
    data = [count for counts in rows.values() for count in counts.values()]
    matrix = csr_array(
        (np.array(data, np.float32), np.array(indices, np.int32), indptr.astype(np.int32)),
        shape=(len(rows), len(columns)),
    )
    matrix.sort_indices()
    return Vectors(list(rows), matrix, list(columns))


def write(path: Path, vectors: Vectors, scale: float | None) -> None:
    """Write queries, their weights times `scale` as whole numbers."""
    whole = impacts(path, vectors.matrix, scale)
    for what, names in (("id", vectors.ids), ("term", vectors.terms)):
        wrong = next((name for name in names if name.split() != [name]), None)
        if wrong is not None:
            raise InputError(
                f"{path}: a {what} is {wrong!r}; expected one without white space, which separates "
                "terms in this form"
            )
    with open_text(output_file(path), "w") as handle:
        for row, key in enumerate(vectors.ids):
            start, end = whole.indptr[row : row + 2]
            weights = zip(whole.indices[start:end], whole.data[start:end], strict=True)
            terms = [term for column, n in weights for term in [vectors.terms[column]] * n]
            handle.write(f"{key}\t{' '.join(terms)}\n")
