"""The retriever in Haystack's own pipelines."""

import os

import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
pytest.importorskip("haystack")

from haystack import Pipeline

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
