"""The retriever in LlamaIndex's own engines."""

import asyncio

import pytest

pytest.importorskip("llama_index.core")

from llama_index.core import PromptTemplate
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import MetadataMode

import rarefy
from rarefy.adapters import LlamaIndexRetriever


@pytest.fixture
def search(folder):
    return rarefy.Search(folder)


def test_it_retrieves_nodes(search):
    retriever = LlamaIndexRetriever(search, similarity_top_k=2, filter="year > 2019")
    (found,) = retriever.retrieve("the inverted matrix and the cat")
    assert (found.node.node_id, found.node.metadata) == ("matrix", {"year": 2021})
    assert found.text.startswith("Matrix inversion")
    assert found.score == search.search("the inverted matrix")[0].score
    assert asyncio.run(retriever.aretrieve("the inverted matrix and the cat")) == [found]
    assert retriever.retrieve("nothing of it") == []


def test_it_explains_if_asked_to_but_not_to_the_language_model(search):
    (found,) = LlamaIndexRetriever(search, explain=True).retrieve("matrix")
    ((term, share),) = found.node.metadata["terms"]
    assert term == "matrix"
    assert share == pytest.approx(found.score)
    shown = found.node.get_content(MetadataMode.LLM)
    assert "year: 2021" in shown
    assert "terms" not in shown


def test_it_feeds_a_query_engine(search):
    prompt = PromptTemplate("{context_str} -- {query_str}")
    engine = RetrieverQueryEngine(
        LlamaIndexRetriever(search, similarity_top_k=1),
        get_response_synthesizer(llm=MockLLM(), text_qa_template=prompt),
    )
    answer = engine.query("bread recipe")  # this model answers with its prompt
    assert "A recipe for bread with three ingredients." in str(answer)
    assert str(answer).endswith("-- bread recipe")
    assert [node.node_id for node in answer.source_nodes] == ["bread"]


def test_it_is_fused_with_others(search):
    retrievers = [LlamaIndexRetriever(search), LlamaIndexRetriever(search, filter="year > 2021")]
    fused = QueryFusionRetriever(
        retrievers, llm=MockLLM(), num_queries=1, mode="reciprocal_rerank", use_async=False
    )
    found = fused.retrieve("a matrix, a recipe")
    ids = [node.node_id for node in found]
    assert ids[0] == "bread"
    assert "matrix" in ids
