import numpy as np
import pytest
from scipy.sparse import csr_array

from rarefy.errors import InputError
from rarefy.eval.collections import Collection
from rarefy.eval.development import development_measure

pytest.importorskip("ir_measures")

VECTORS = {
    "inverse": [3, 0],
    "matrix": [1, 1],
    "cat": [0, 2],
    "invert": [1, 0.25],
    "feline": [0.25, 1],
    "unjudged": [1, 1],
}


class Encoder:
    calls = 0

    def encode(self, texts, role):
        self.calls += 1
        return np.array([VECTORS[text] for text in texts], dtype=np.float32)


class Head:
    def __init__(self, flipped):
        self.flipped = flipped

    def project(self, vectors, role):
        return csr_array(vectors[:, ::-1] if self.flipped and role == "query" else vectors)


@pytest.fixture
def collection():
    return Collection(
        name="toy",
        split="dev",
        document_ids=["a", "b", "c"],
        documents=["inverse", "matrix", "cat"],
        query_ids=["1", "2", "3"],
        queries=["invert", "feline", "unjudged"],
        qrels={"1": {"a": 1}, "2": {"c": 1}},
    )


def test_it_is_the_measure_of_the_head_s_ranking(collection):
    encoder = Encoder()
    measured = development_measure(collection, encoder)
    assert measured(Head(flipped=False)) == 1
    # The relevant document is last for one query (.75 < 1.25 < 2) and for the other.
    assert measured(Head(flipped=True)) == pytest.approx(1 / np.log2(4))
    assert encoder.calls == 2
    assert development_measure(collection, encoder, measure="RR")(Head(flipped=True)) == (
        pytest.approx(1 / 3)
    )


def test_no_judgements(collection):
    unjudged = Collection(**{**vars(collection), "qrels": {}})
    with pytest.raises(InputError, match="toy has no judged query in its split 'dev'"):
        development_measure(unjudged, Encoder())
