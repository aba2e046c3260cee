"""The measurements of spaces run through, on vectors that need no model."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from rarefy.eval import Collection

ROOT = Path(__file__).parents[2]


@pytest.fixture
def space(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    sys.modules.pop("space", None)
    import space

    def encoder(name, documents):
        width = 8 if name == "dense" else 30

        def encode(texts, role):
            rows = [np.random.default_rng(len(text)).random(width) for text in texts]
            matrix = np.array(rows, dtype=np.float32)
            return matrix if name == "dense" else csr_array(matrix * (matrix > 0.6))

        return encode

    monkeypatch.setattr(space, "encoder", encoder)
    return space


@pytest.fixture
def collection():
    ids = [f"d{row}" for row in range(24)]
    queries = [f"q{row}" for row in range(12)]
    return Collection(
        name="set",
        split="test",
        document_ids=ids,
        documents=["x" * (row + 1) for row in range(24)],
        query_ids=queries,
        queries=["y" * (row + 30) for row in range(12)],
        qrels={key: {ids[row]: 1, ids[row + 1]: 2} for row, key in enumerate(queries)},
    )


def test_pairs_are_of_the_highest_grade(space, collection):
    queries, relevant = space.pairs_of(collection)
    assert queries == list(range(12))
    assert relevant == list(range(1, 13))


def test_every_model_is_described(space, collection, monkeypatch):
    rows = space.spaces(collection, 20)
    assert [row["model"] for row in rows] == list(space.MODELS)
    assert rows[0]["cka_with_dense"] == pytest.approx(1)
    assert rows[0]["neighbours_of_dense"] == 1
    assert rows[1]["vocabulary"] == 30
    monkeypatch.setattr(space, "THRESHOLD", 0.5)
    confusions = space.confusions(collection, 10)
    assert {row["confused_pairs"] for row in confusions} == {confusions[0]["confused_pairs"]}
    monkeypatch.setattr(space, "load_collection", lambda folder: collection)
    languages = space.languages(space.RESULT)
    assert [row["rank_variance"] for row in languages] == [0] * 4  # the same texts in each
    from quality import confusions_table, languages_table, space_table

    result = {"spaces": {"set": rows}, "confusions": confusions, "languages": languages}
    json.dumps(result, allow_nan=False)
    for table in (space_table(result), confusions_table(result), languages_table(result)):
        assert len({line.count("|") for line in table.splitlines()}) == 1
