import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from rarefy.errors import InputError, MissingExtraError
from rarefy.eval import Vectors, bench
from rarefy.eval.run import ranking
from rarefy.eval.systems import (
    DenseSystem,
    DenseVectors,
    FusionSystem,
    Ranked,
    Rankings,
    SparseSystem,
    Systems,
    encode_collection,
    reciprocal_rank_fusion,
    vectors_system,
)
from rarefy.sparse import BM25


class LetterModel:
    """Counts letters: a sparse model small enough to check by hand."""

    name = "letters"
    vocabulary_size = 26
    fitted = True

    def __init__(self):
        self.computed = 0
        self.encoded = []

    def _encode(self, texts, progress):
        self.computed += len(texts)
        self.encoded.append(list(texts))
        letters = [[text.count(chr(97 + column)) for column in range(26)] for text in texts]
        return csr_array(np.array(letters, dtype=np.float32))

    def encode_documents(self, texts, *, progress=False):
        return self._encode(texts, progress)

    encode_queries = encode_documents

    def explain(self, row, k):
        pairs = zip(row.indices.tolist(), row.data.tolist(), strict=True)
        return sorted(((chr(97 + column), weight) for column, weight in pairs))[:k]


class LetterEncoder(LetterModel):
    """The same counts, dense."""

    def encode(self, texts, *, role=None, progress=False):
        return self._encode(texts, progress).toarray()


def brute_force(collection):
    model = LetterModel()
    queries = model.encode_queries(collection.queries).toarray()
    return queries @ model.encode_documents(collection.documents).toarray().T


def run_of(system, collection, k):
    return Rankings(system.search(k), collection)


@pytest.fixture(params=["sparse", "dense", "vectors"])
def system(request, tiny):
    model = LetterModel()
    if request.param == "dense":
        pytest.importorskip("faiss")
        vectors = DenseVectors.from_encoder(LetterEncoder(), tiny)
        return DenseSystem.from_vectors("s", vectors)
    if request.param == "sparse":
        return SparseSystem.from_encoded("s", encode_collection(model, tiny))
    terms = [chr(97 + column) for column in range(26)]
    documents = model.encode_documents(tiny.documents[::-1])
    return vectors_system(
        Vectors(tiny.document_ids[::-1], documents, terms),
        Vectors(tiny.query_ids, model.encode_queries(tiny.queries), terms),
        tiny,
        name="s",
    )


def test_every_system_ranks_by_the_dot_product(system, tiny):
    expected = brute_force(tiny)
    found = system.search(3, threads=2)
    for row in range(len(tiny.query_ids)):
        np.testing.assert_array_equal(found.scores[row], np.sort(expected[row])[::-1][:3])
        np.testing.assert_array_equal(found.scores[row], expected[row][found.rows[row]])
        one = system.search_one(row, 3)
        np.testing.assert_array_equal(one.rows, found.rows[row])
        np.testing.assert_array_equal(one.scores, found.scores[row])


def test_a_stored_index_is_opened_and_answers(system, tmp_path):
    opener = system.store(tmp_path)
    assert any(tmp_path.rglob("*"))
    assert opener() is not None


def test_every_system_says_what_it_costs(system):
    assert system.name == "s"
    assert system.parts == ()
    assert system.costs.build_s > 0
    assert system.costs.index_bytes > 0
    assert "s" in system.description


def test_a_system_finds_no_more_than_there_is(system, tiny):
    assert (system.search(1000).rows >= 0).sum(axis=1).max() <= 4


def test_rates_count_what_was_encoded_and_not_what_was_cached(tiny):
    fresh = SparseSystem.from_encoded("s", encode_collection(LetterModel(), tiny))
    assert fresh.costs.encode_docs_per_s > 0
    assert fresh.costs.encode_queries_per_s > 0

    class Cached(LetterModel):
        def _encode(self, texts, progress):
            vectors = super()._encode(texts, progress)
            self.computed = 0
            return vectors

    cached = SparseSystem.from_encoded("s", encode_collection(Cached(), tiny))
    assert cached.costs.encode_docs_per_s is None
    assert cached.costs.encode_queries_per_s is None


def test_bm25_is_fitted_on_the_documents_unless_it_was_saved(tiny, tmp_path):
    system = Systems(tiny)["bm25"]
    BM25().fit(["matrix", "matrix matrix", "cat"]).save(tmp_path / "model")
    saved = Systems(tiny)[str(tmp_path / "model")]
    assert saved.kind == "lexical"
    assert saved.vectors.documents.shape[1] == 2
    assert system.kind == "lexical"
    assert ranking(run_of(system, tiny, 10)["q2"])[0] == "d3"
    assert system.vectors.explain(system.vectors.queries[[1]], 5)[0][1] > 0


def test_vectors_are_matched_by_id_and_unknown_ids_left_out(tiny):
    eye = csr_array(np.eye(5, dtype=np.float32))
    terms = ["a", "b", "c", "d", "e"]
    documents = Vectors(["d4", "d3", "other", "d2", "d1"], eye, terms)
    queries = Vectors(["q3", "q2", "q1"], csr_array(np.eye(5, dtype=np.float32)[:3]), terms)
    system = vectors_system(documents, queries, tiny)
    assert dict(run_of(system, tiny, 10)) == {"q1": {}, "q2": {"d3": 1.0}, "q3": {"d4": 1.0}}
    assert system.vectors.explain(system.vectors.queries[[1]], 5) == [("b", 1.0)]
    with pytest.raises(InputError, match=r"1 of 4 document ids have no vector, such as 'd2'"):
        vectors_system(replace(documents, ids=["d4", "d3", "x", "y", "d1"]), queries, tiny)
    with pytest.raises(InputError, match=r"1 of 3 query ids have no vector, such as 'q1'"):
        vectors_system(documents, replace(queries, ids=["q3", "q2", "x"]), tiny)


def test_fusion_sums_reciprocal_ranks():
    found = reciprocal_rank_fusion([np.array([4, 7, 9]), np.array([7, 2, -1])], 3)
    np.testing.assert_array_equal(found.rows, [7, 4, 2])
    np.testing.assert_allclose(found.scores, [1 / 62 + 1 / 61, 1 / 61, 1 / 62])


def test_fusion_orders_equal_scores_by_row():
    found = reciprocal_rank_fusion([np.array([5, 3]), np.array([3, 5])], 10)
    np.testing.assert_array_equal(found.rows, [3, 5])
    empty = reciprocal_rank_fusion([np.array([-1]), np.array([], dtype=np.int64)], 10)
    assert len(empty.rows) == len(empty.scores) == 0


def test_a_fusion_joins_the_rankings_of_its_parts(tiny):
    one = SparseSystem.from_encoded("letters", encode_collection(LetterModel(), tiny))
    bm25 = BM25().fit(tiny.documents)
    two = SparseSystem.from_encoded("bm25", encode_collection(bm25, tiny))
    fusion = FusionSystem("both", (one, two))
    assert fusion.kind == "hybrid"
    assert fusion.parts == ("letters", "bm25")
    assert fusion.costs.index_bytes == one.costs.index_bytes + two.costs.index_bytes
    run = run_of(fusion, tiny, 10)
    for row, query_id in enumerate(tiny.query_ids):
        expected: dict[str, float] = {}
        for part in (one, two):
            for rank, key in enumerate(run_of(part, tiny, 10)[query_id], 1):
                expected[key] = expected.get(key, 0) + 1 / (60 + rank)
        assert run[query_id] == pytest.approx(expected)
        assert len(fusion.search_one(row, 2).rows) == 2


def test_a_system_is_encoded_once_even_in_fusions(tiny, monkeypatch):
    made = []

    def load(name):
        made.append(LetterModel())
        return made[-1]

    monkeypatch.setattr("rarefy.sparse.load", load, raising=False)
    systems = Systems(tiny)
    fused = systems["one+two"]
    assert fused.parts == ("one", "two")
    assert systems["one"] is fused.systems[0]
    assert systems["one"] is systems["one"]
    assert [len(model.encoded) for model in made] == [2, 2]


def test_a_model_that_wants_a_collection_is_fitted_to_it(tiny, monkeypatch):
    class Unfitted(LetterModel):
        fitted = False

        def fit(self, texts, *, progress):
            self.seen, self.fitted = list(texts), True

    model = Unfitted()
    monkeypatch.setattr("rarefy.sparse.load", lambda name: model, raising=False)
    assert Systems(tiny)["letters"].kind == "sparse"
    assert model.seen == list(tiny.documents)


def test_collections_share_models_but_not_what_is_fitted_to_them(tiny, monkeypatch):
    other = replace(tiny, documents=["zebra xylophone", *tiny.documents[1:]])
    monkeypatch.setattr("rarefy.sparse.load", lambda name: LetterModel(), raising=False)
    models = {}
    Systems(other, models=models)["bm25"]
    Systems(other, models=models)["letters"]
    shared = Systems(tiny, models=models)
    expected, found = Systems(tiny)["bm25"].vectors, shared["bm25"].vectors
    assert (expected.documents != found.documents).nnz == 0
    assert (expected.queries != found.queries).nnz == 0
    assert expected.documents.shape == found.documents.shape
    assert list(models) == ["letters"]


def test_a_path_with_a_plus_is_not_a_fusion(tiny, monkeypatch, tmp_path):
    folder = tmp_path / "a+b"
    folder.mkdir()
    monkeypatch.setattr("rarefy.sparse.load", lambda name: LetterModel(), raising=False)
    assert Systems(tiny)[str(folder)].kind == "sparse"


def test_dense_is_the_dense_encoder(tiny, monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr("rarefy.sparse.DenseEncoder", LetterEncoder, raising=False)
    system = Systems(tiny)["dense"]
    assert system.kind == "dense"
    assert system.costs.index_bytes == pytest.approx(4 * 26 * 4, abs=64)


def test_models_are_all_loaded_before_any_encodes(tiny, monkeypatch):
    made = []

    def load(name):
        if name == "nonsense":
            raise InputError("no model 'nonsense'")
        made.append(LetterModel())
        return made[-1]

    monkeypatch.setattr("rarefy.sparse.load", load, raising=False)
    for ask in (
        lambda: bench(tiny, ["one", "nonsense"]),
        lambda: bench(tiny, ["one", "two+nonsense"]),
        lambda: Systems(tiny)["one+nonsense"],
    ):
        with pytest.raises(InputError, match="no model 'nonsense'"):
            ask()
    assert len(made) == 4
    assert all(model.encoded == [] for model in made)


def test_dense_asks_for_faiss_before_it_loads_a_model(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setattr("rarefy.sparse.DenseEncoder", pytest.fail, raising=False)
    with pytest.raises(MissingExtraError, match=r"rarefy\[eval\]"):
        Systems(tiny).load(["dense"])


@pytest.mark.parametrize("ties", ["trec_eval", "engine"])
def test_rankings_order_documents_as_their_mappings_do(tiny, ties):
    rng = np.random.default_rng(0)
    ids = [f"d{number}" for number in rng.permutation(40)]
    collection = replace(tiny, document_ids=ids, documents=["text"] * 40)
    rows = np.array([rng.permutation(40)[:12] for _ in range(3)])
    rows[1, 5:] = -1
    for scores in (rng.integers(0, 4, rows.shape), rng.random(rows.shape)):
        falling = -np.sort(-scores.astype(np.float64), axis=1)
        run = Rankings(Ranked(rows, falling), collection, ties=ties)
        for query_id in tiny.query_ids:
            assert run.order(query_id) == ranking(run[query_id])
    assert run.order("no such query") == []
