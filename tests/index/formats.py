"""Saved indexes that every release must open or refuse, one folder a format version.

    python tests/index/formats.py        writes tests/data/format-<the present one>

Run it once, when the version has changed; never for a version that was released.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from rarefy.index import Index, Writer
from rarefy.index.build import build
from rarefy.index.storage.container import FORMAT
from rarefy.index.storage.folder import replace
from rarefy.index.storage.ids import Ids
from rarefy.index.storage.segment import Segment
from rarefy.index.vectors import canonical

DATA = Path(__file__).parents[1] / "data"
COLUMNS = 50
FILTERS = (None, "year >= 1990 and lang in ('de', '日本')", "'b' in tags or score is null")


def vectors(seed: int, rows: int) -> Any:
    """Return rows of few different weights."""
    rng = np.random.default_rng(seed)
    matrix = scipy.sparse.random_array((rows, COLUMNS), density=0.15, rng=rng, format="csr")
    matrix.data = rng.integers(1, 9, matrix.nnz) / 8
    return scipy.sparse.csr_array(matrix.astype(np.float32))


def metadata(rows: int) -> dict[str, list[Any]]:
    """Return fields of every type."""
    day = datetime.datetime(2024, 1, 31, tzinfo=datetime.UTC)
    return {
        "year": [1980 + row for row in range(rows)],
        "score": [None if row % 5 == 0 else row / 4 for row in range(rows)],
        "lang": [("de", "en", "日本")[row % 3] for row in range(rows)],
        "open": [row % 2 == 0 for row in range(rows)],
        "seen": [day + datetime.timedelta(hours=row) for row in range(rows)],
        "tags": [["a", "b", "c"][: row % 4] for row in range(rows)],
    }


def make(folder: Path) -> None:
    """Write an index of several segments, a compact one, and one laid out as large ones are."""
    with Writer(folder / "live", vocabulary_size=COLUMNS) as writer:
        writer.upsert([f"größe {i}" for i in range(30)], vectors(0, 30), metadata(30))
        writer.merge()
        writer.upsert([f"x{i}" for i in range(5)], vectors(1, 5))
        writer.upsert(["größe 3"], vectors(2, 1), {"year": [2020]})
        writer.delete(["größe 4", "x1"])
    Index.build(vectors(3, 40), compact=True, metadata=metadata(40)).save(folder / "compact")
    documents = vectors(4, 90)
    layout = build(canonical(documents), 4, champions=8)
    ids = Ids.of([str(row) for row in range(90)])
    replace(folder / "large", Segment(layout, ids, COLUMNS, 4, []))
    for path in folder.glob("*/write.lock"):
        path.unlink()
    found = {each.name: results(Index.open(each)) for each in sorted(folder.iterdir())}
    text = json.dumps(found, indent=1, ensure_ascii=False, default=str)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")


def results(index: Index) -> dict[str, Any]:
    """Return what an index answers."""
    queries = vectors(9, 6)
    hits = [
        index.search(queries, k=5, filter=filter)
        for filter in FILTERS
        if filter is None or index.fields
    ]
    return {
        "ids": index.ids,
        "fields": index.fields,
        "hits": [each.ids.tolist() for each in hits],
        "scores": [
            [[float(score) for score in row if np.isfinite(score)] for row in each.scores]
            for each in hits
        ],
        "metadata": index.metadata(index.ids[3:5]),
    }


if __name__ == "__main__":
    make(DATA / f"format-{FORMAT}")
