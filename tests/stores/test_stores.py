"""Each store in the real thing: Milvus Lite, Qdrant's local mode, PostgreSQL with pgvector."""

from __future__ import annotations

import datetime
import random

import numpy as np
import pytest
import scipy.sparse

from rarefy.errors import InputError, StoreError
from rarefy.index import Documents, Index, field, read_documents
from rarefy.stores import Schema

UTC = datetime.UTC
WIDTH = 500
POOLS = {
    "whole": [0, 1, -1, 2020, 2**53 - 1, 2**63 - 1, -(2**63), None],
    "real": [0.0, -0.0, 1.5, -2.5, 1e300, 5e-324, None],
    "words": ["", "a", "A", "ab", "é", "日本", "it's", 'say "x"', "back\\slash", "a\nb", None],
    "truth": [True, False, None],
    "moment": [
        datetime.datetime(2020, 1, 1, tzinfo=UTC),
        datetime.datetime(2019, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime.datetime(1, 1, 1, tzinfo=UTC),
        datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        None,
    ],
    "tags": [[], ["a"], ["a", "a"], ["", "日本"], ["it's", "é"], None],
    "größe": [1, 2, None],
}


def vectors(n, rng, nnz=12):
    """Weights of eighths, so that every sum is exact in float32 whatever its order."""
    rows = np.repeat(np.arange(n), nnz)
    columns = np.minimum(rng.zipf(1.3, n * nnz) - 1, WIDTH - 1)
    weights = rng.integers(1, 32, n * nnz) / 8
    matrix = scipy.sparse.coo_array((weights, (rows, columns)), (n, WIDTH)).tocsr()
    return matrix.astype(np.float32)


@pytest.fixture(scope="module")
def index():
    rng, picks = np.random.default_rng(0), random.Random(0)
    matrix = vectors(400, rng)
    matrix = matrix - matrix.multiply(np.arange(400)[:, None] == 7)  # one without a term
    matrix.eliminate_zeros()
    metadata = [{name: picks.choice(pool) for name, pool in POOLS.items()} for _ in range(400)]
    ids = [f"d{i}" for i in range(398)] + ["日本 é", "ü"]
    return Index.build(matrix.tocsr(), ids=ids, metadata=metadata)


@pytest.fixture(scope="module")
def queries():
    return vectors(12, np.random.default_rng(1))


@pytest.fixture
def schema(index):
    return Schema(index.vocabulary_size, index.fields)


@pytest.fixture
def filled(store, index, schema):
    store.create(schema)
    for part in read_documents(index, 150):
        store.upsert(part)
    return store


def alike(found, hits):
    """The same scores, and above the least of them the same documents: ties are in any order."""
    assert np.array_equal(found.scores, hits.scores)
    for names, scores, expected in zip(found.ids, found.scores, hits.ids, strict=True):
        least = scores.min()
        assert len(set(names)) == len(set(expected))
        sure = scores > least if np.isfinite(least) else np.isfinite(scores)
        assert set(names[sure]) == set(np.array(expected)[sure])


def test_the_best_are_those_of_exact_search(filled, index, queries):
    assert filled.count() == 400
    for k in (1, 10, 500):
        alike(filled.search(queries, k), index.search(queries, k=k))


FILTERS = [
    "whole > 1", "whole <= -1", "not whole > 1", "whole == 2020", "whole != 2020",
    "not whole in (1, 2020)", "whole in (0, 1)", "whole in ()", "not whole in ()",
    "real == 0", "real >= 1.5", "real != 0.0", "real in (1.5, 1e300)", "not real < 0", "real > 0",
    "words == 'it''s'", "words == 'say \"x\"'", "words == 'back\\slash'", "words == 'a\nb'",
    "words != 'a'", "words in ('', '日本', 'é')", "not words in ('', 'A')", "words is null",
    "words is not null", "truth", "not truth", "truth != true", "truth in (true, false)",
    "moment < '2020-01-01'", "moment == '2020-01-01'", "moment != '2020-01-01'",
    "moment >= '2019-12-31T23:59:59.999999'", "moment in ('0001-01-01', '2020-01-01')",
    "moment > '9000-01-01'", "'a' in tags", "'日本' in tags", "tags is null", "not tags is null",
    "not 'a' in tags",
    "'it''s' in tags or whole > 5 and not (truth or words == 'ab')", "größe == 1",
    "not (größe > 1 and real > 0)", "not (words == 'a' or words == 'ab' or truth is null)",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_filters_select_what_ours_select(filled, index, queries, seed):
    picks = random.Random(seed)
    texts = FILTERS if seed == 0 else []
    for _ in range(0 if seed == 0 else 40):
        terms = [picks.choice(FILTERS) for _ in range(picks.randint(2, 4))]
        made = ""
        for term in terms:
            word = picks.choice([" and ", " or "]) if made else ""
            made = f"{picks.choice(['', 'not '])}({made}{word}{picks.choice(['', 'not '])}({term}))"
        texts = [*texts, made]
    for text in texts:
        try:
            found = filled.search(queries[:2], 500, filter=text)
        except InputError as error:
            assert "Milvus Lite" in str(error)
            assert "tags" in text or "\n" in text
            continue
        hits = index.search(queries[:2], k=500, filter=text)
        assert [set(row) for row in found.ids] == [set(row) for row in hits.ids], text


def test_fewer_documents_than_k_leave_places_empty(filled):
    nothing = scipy.sparse.csr_array((1, WIDTH), dtype=np.float32)
    found = filled.search(nothing, 3)
    assert found.ids.tolist() == [[None] * 3]
    assert np.isneginf(found.scores).all()


def test_no_queries_and_large_portions(filled):
    assert filled.search(scipy.sparse.csr_array((0, WIDTH), dtype=np.float32), 3).ids.shape == (
        0,
        3,
    )
    assert sum(len(part.ids) for part in filled.documents(100_000)) == 400


def test_what_is_read_back_is_what_was_written(filled, index):
    read = list(filled.documents(150))
    assert max(len(part.ids) for part in read) <= 150
    known = {
        name: (vector.toarray().tolist(), record)
        for part in read
        for name, vector, record in zip(part.ids, part.vectors, part.metadata, strict=True)
    }
    assert sorted(known) == sorted(index.ids)
    for part in read_documents(index, 150):
        for name, vector, record in zip(part.ids, part.vectors, part.metadata, strict=True):
            assert known[name] == (vector.toarray().tolist(), record)


def test_documents_are_replaced_and_deleted(filled, index, queries):
    (first,) = read_documents(
        Index.build(vectors(3, np.random.default_rng(5)), ids=["d1", "n", "m"])
    )
    filled.upsert(first)
    assert filled.count() == 402
    filled.upsert(first)  # once more: nothing changes
    assert filled.count() == 402
    filled.delete(["d2", "nobody"])
    filled.delete([])
    assert filled.count() == 401
    found = filled.search(first.vectors[[0]], 1000)
    place = found.ids[0].tolist().index("d1")
    assert found.scores[0, place] == np.float32(
        (first.vectors[[0]].multiply(first.vectors[[0]])).sum()
    )
    assert "d2" not in found.ids[0]


def test_a_collection_is_made_once(filled, schema):
    filled.create(schema)
    assert filled.count() == 400
    for other, message in [
        (Schema(WIDTH + 1, schema.fields), "columns in its vectors: 500; expected 501"),
        (Schema(WIDTH, {"whole": "float"}), "fields"),
        (Schema(WIDTH, schema.fields, "abc"), "vectors of the model"),
    ]:
        with pytest.raises(InputError, match=message):
            filled.create(other)


def test_what_does_not_fit_is_refused(filled, index, queries):
    wide = scipy.sparse.csr_array((1, WIDTH + 1), dtype=np.float32)
    with pytest.raises(InputError, match="501"):
        filled.search(wide)
    with pytest.raises(InputError, match="501"):
        filled.upsert(Documents(["x"], wide, [{}]))
    with pytest.raises(InputError, match="k is 0"):
        filled.search(queries, 0)
    with pytest.raises(InputError, match="'yeer' at character 1, which is not there"):
        filled.search(queries, filter="yeer > 1")
    with pytest.raises(InputError, match="expected a whole number"):
        filled.search(queries, filter=field("whole") == "x")


def test_a_collection_that_is_not_there(store):
    with pytest.raises((InputError, StoreError), match=r"test_\d+"):
        store.schema()
    with pytest.raises(StoreError, match=r"test_\d+"):
        store.count()
    store.drop()  # nothing happens
