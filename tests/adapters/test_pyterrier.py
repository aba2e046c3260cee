"""The transformer in PyTerrier's own pipelines and experiments."""

import pytest

pytest.importorskip("pyterrier")

import pandas as pd
import pyterrier as pt
from ir_measures import RR, P

import rarefy
from rarefy.adapters import PyTerrierRetriever
from rarefy.errors import InputError

TOPICS = pd.DataFrame(
    {"qid": ["q1", "q2", "q3"], "query": ["a matrix on the mat", "nothing of it", "bread recipe"]}
)


@pytest.fixture
def search(folder):
    return rarefy.Search(folder)


@pytest.fixture
def retriever(search):
    return PyTerrierRetriever(search)


def test_it_turns_queries_into_results(retriever, search):
    found = retriever(TOPICS)
    assert found.columns.tolist() == ["qid", "query", "docno", "score", "rank"]
    hits = [hit for query in TOPICS["query"] for hit in search.search(query)]
    assert found["docno"].tolist() == [hit.id for hit in hits]
    assert found["score"].tolist() == [hit.score for hit in hits]
    assert set(found["qid"]) == {"q1", "q3"}
    for _, each in found.groupby("qid"):
        assert each["rank"].tolist() == list(range(len(each)))


def test_it_searches_for_words_and_for_records(retriever):
    assert retriever.search("bread")["docno"].tolist() == ["bread"]
    assert [found["docno"] for found in retriever([{"qid": "1", "query": "matrix"}])] == ["matrix"]


def test_options_and_fields_are_passed_on(search):
    retriever = PyTerrierRetriever(search, k=1, filter="year > 2019", fields=["text", "year"])
    found = retriever(TOPICS)
    assert found["docno"].tolist() == ["matrix", "bread"]
    assert found["year"].tolist() == [2021, 2024]
    assert found["text"][0].startswith("Matrix inversion")
    with pytest.raises(InputError, match="'score' has the name"):
        PyTerrierRetriever(search, fields=["score"])
    with pytest.raises(InputError, match="unknown"):
        PyTerrierRetriever(search, fields=["unknown"])(TOPICS)


def test_it_stands_in_pipelines(retriever):
    doubled = (retriever * 2 + retriever)(TOPICS).set_index(["qid", "docno"])["score"]
    single = retriever(TOPICS).set_index(["qid", "docno"])["score"]
    assert doubled.to_dict() == pytest.approx((3 * single).to_dict())
    rewritten = (pt.apply.query(lambda row: f"recipe {row['qid']}") >> retriever) % 1
    assert rewritten(TOPICS)["docno"].tolist() == ["bread"] * 3


def test_a_cut_off_becomes_the_depth_of_the_search(retriever):
    cut = retriever % 1
    assert cut(TOPICS)["docno"].tolist() == ["cat", "bread"]
    assert isinstance(cut.compile(), PyTerrierRetriever)
    assert cut.compile().k == 1
    assert (cut.compile() % 5).compile().k == 1


def test_frames_without_rows_have_the_same_columns(retriever):
    pd.testing.assert_frame_equal(retriever(TOPICS[:0]), retriever(TOPICS)[:0], check_dtype=False)
    assert pt.inspect.transformer_outputs(retriever, ["qid", "query"])[-1] == "rank"
    with pytest.raises(pt.validate.InputValidationError):
        retriever(TOPICS[["qid"]])


def test_experiments_measure_it(retriever):
    qrels = pd.DataFrame({"qid": ["q1", "q3"], "docno": ["matrix", "bread"], "label": [1, 1]})
    measured = pt.Experiment([retriever], TOPICS, qrels, [RR @ 10, P @ 1], names=["rarefy"])
    assert measured.loc[0, "RR@10"] == pytest.approx(0.75)
    assert measured.loc[0, "P@1"] == pytest.approx(0.5)
    assert not pt.java.started()


def test_a_text_field_of_another_type_is_a_column_too(tmp_path):
    model = rarefy.BM25("words").fit(["a cat"])
    with rarefy.Search(tmp_path / "numbers", model) as search:
        search.add_vectors(["one"], model.encode_documents(["a cat"]), {"text": [7]})
        assert PyTerrierRetriever(search, fields=["text"]).search("cat")["text"].tolist() == [7]


@pytest.mark.models
def test_it_searches_in_a_mode(joined):
    search = rarefy.Search(joined)
    both = PyTerrierRetriever(search, mode="hybrid", weights={"bm25": 2})
    cut = (both % 1).compile()
    assert isinstance(cut, PyTerrierRetriever)
    assert cut.search("matrix")["score"].tolist() == [pytest.approx(2, abs=1e-5)]
    fused = PyTerrierRetriever(search, mode="bm25") + PyTerrierRetriever(search)
    parts = [search.search("matrix", mode=mode)[0].score for mode in ("bm25", "sparse")]
    scores = fused.search("matrix").set_index("docno")["score"]
    assert scores["matrix"] == pytest.approx(sum(parts))
