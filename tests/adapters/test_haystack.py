"""The retriever in Haystack's own pipelines."""

import os

import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
pytest.importorskip("haystack")

from haystack import Document, Pipeline

import rarefy
from rarefy.adapters import HaystackRetriever


@pytest.fixture
def pipeline(folder):
    made = Pipeline()
    made.add_component("retriever", HaystackRetriever(str(folder), top_k=2))
    return made


def found(pipeline, **inputs):
    return pipeline.run({"retriever": inputs})["retriever"]["documents"]


def test_it_answers_in_a_pipeline(pipeline):
    first, second = found(pipeline, query="a matrix on the mat")
    assert (first.id, first.content) == ("cat", "The cat sat on the mat.")
    assert (second.id, second.meta) == ("matrix", {"year": 2021})
    assert first.score > second.score > 0


def test_a_run_has_its_own_options(pipeline):
    documents = found(pipeline, query="a matrix on the mat", top_k=3, filter="year > 2019")
    assert {document.id for document in documents} == {"matrix", "bread"}


def test_a_saved_pipeline_is_loaded_with_it(pipeline):
    allowed = ["rarefy.adapters.haystack"]
    again = Pipeline.loads(pipeline.dumps(), allowed_modules=allowed)
    query = "a matrix on the mat"
    assert found(again, query=query) == found(pipeline, query=query)


def test_fields_of_any_name_are_kept(fields_search):
    fields_search.close()
    retriever = HaystackRetriever(str(fields_search._folder))
    (document,) = retriever.run("cat")["documents"]
    assert document.meta == {"terms": "strict", "score": 7, "id": "x", "content": "y"}
    assert Document.from_dict(document.to_dict(flatten=False)) == document


@pytest.mark.models
def test_it_searches_in_a_mode(joined):
    pipeline = Pipeline()
    weights = {"bm25": 2.0}
    retriever = HaystackRetriever(str(joined), mode="hybrid", weights=weights, top_k=1)
    pipeline.add_component("retriever", retriever)
    again = Pipeline.loads(pipeline.dumps(), allowed_modules=["rarefy.adapters.haystack"])
    (document,) = found(again, query="matrix")
    assert (document.id, document.score) == ("matrix", pytest.approx(2, abs=1e-5))
    (document,) = found(again, query="matrix", weights={"bm25": 3.0})
    assert document.score == pytest.approx(3, abs=1e-5)
    (document,) = found(again, query="matrix", mode="bm25")
    assert document.score == rarefy.Search(joined).search("matrix", mode="bm25")[0].score
