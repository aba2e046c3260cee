from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarefy.errors import InputError
from rarefy.eval import Collection


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"document_ids": ["d1", "d2", "d2", "d4"]}, "document id 'd2' occurs twice"),
        ({"query_ids": ["q1", "q1", "q3"]}, "query id 'q1' occurs twice"),
        ({"document_ids": ["d1"]}, "1 document ids for 4 texts"),
        ({"document_ids": [], "documents": [], "qrels": {}}, "no documents"),
        ({"qrels": {"q9": {"d1": 1}}}, "name query 'q9'"),
        ({"qrels": {"q1": {"d9": 1, "d1": 1}}}, "query 'q1' name document 'd9'"),
    ],
)
def test_bad_collections_are_refused(tiny, changes, message):
    with pytest.raises(InputError, match=message):
        replace(tiny, **changes)


def test_judged_leaves_out_queries_without_judgements(tiny):
    assert tiny.queries_without_judgements == 1
    judged = tiny.judged()
    assert judged.query_ids == ["q1", "q2"]
    assert judged.queries == ["cat", "matrix inversion"]
    assert judged.qrels == tiny.qrels
    assert judged.documents == tiny.documents
    assert judged.queries_without_judgements == 0


def random_collection(seed: int, documents: int, queries: int) -> Collection:
    random = np.random.default_rng(seed)
    ids = [f"d{row}" for row in range(documents)]
    qrels = {
        f"q{row}": {
            ids[column]: int(random.integers(0, 3))
            for column in random.choice(documents, size=random.integers(1, 5), replace=False)
        }
        for row in range(queries)
    }
    return Collection(
        "random",
        "test",
        ids,
        [f"text of {key}" for key in ids],
        list(qrels),
        [f"text of {key}" for key in qrels],
        qrels,
    )


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1000), st.integers(10, 40), st.integers(10, 60))
def test_a_sample_keeps_all_relevant_documents_of_its_queries(seed, documents, limit):
    whole = random_collection(seed, documents, queries=12)
    sample = whole.sample(limit, seed=seed)
    if limit >= documents:
        assert sample is whole
        return
    assert len(sample.documents) == limit
    assert 0 < len(sample.queries) <= 12
    texts = dict(zip(sample.document_ids, sample.documents, strict=True))
    for query_id in sample.query_ids:
        for document, grade in whole.qrels[query_id].items():
            if grade > 0:
                assert sample.qrels[query_id][document] == grade
                assert texts[document] == f"text of {document}"
    relevant = {key for grades in sample.qrels.values() for key, grade in grades.items() if grade}
    assert len(relevant) <= max(1, limit // 2) or len(sample.queries) == 1
    rows = [int(key[1:]) for key in sample.document_ids]
    assert rows == sorted(rows)


def test_a_sample_depends_on_its_seed_alone():
    whole = random_collection(1, 100, queries=30)
    assert whole.sample(40, seed=3) == whole.sample(40, seed=3)
    assert whole.sample(40, seed=3) != whole.sample(40, seed=4)
    assert whole.sample(40).name == "random (40 of 100 documents)"


def test_limits_that_cannot_be_met_are_refused(tiny):
    with pytest.raises(InputError, match="limit is 0"):
        tiny.sample(0)
    many = replace(tiny, qrels={"q1": {"d1": 1, "d2": 1, "d3": 1}})
    with pytest.raises(InputError, match="expected at least 6"):
        many.sample(3)


def test_a_collection_without_judgements_can_be_sampled(tiny):
    bare = replace(tiny, qrels={})
    assert len(bare.sample(2).documents) == 2
