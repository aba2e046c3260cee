"""The retriever in LlamaIndex's own engines."""

import asyncio

import pytest

pytest.importorskip("llama_index.core")

from llama_index.core import PromptTemplate
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.retrievers import BaseRetriever, QueryFusionRetriever
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode

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
    ((term, share),) = found.node.terms
    assert term == "matrix"
    assert share == pytest.approx(found.score)
    shown = found.node.get_content(MetadataMode.LLM)
    assert "year: 2021" in shown
    assert "terms" not in shown


def test_fields_of_any_name_are_kept(fields_search):
    (found,) = LlamaIndexRetriever(fields_search, explain=True).retrieve("cat")
    expected = {"terms": "strict", "score": 7, "id": "x", "content": "y"}
    assert found.node.metadata == expected
    assert "terms: strict" in found.node.get_content(MetadataMode.LLM)
    assert [term for term, _ in found.node.terms] == ["cat"]


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


def fused(retrievers, query):
    made = QueryFusionRetriever(retrievers, llm=MockLLM(), num_queries=1, use_async=False)
    return sorted(node.node_id for node in made.retrieve(query))


def test_fusion_keeps_documents_apart_that_have_no_text(tmp_path):
    model = rarefy.BM25("words").fit(["a cat", "another cat"])
    with rarefy.Search(tmp_path / "bare", model) as search:
        search.add_vectors(["one", "two"], model.encode_documents(["a cat", "another cat"]))
        assert fused([LlamaIndexRetriever(search)], "cat") == ["one", "two"]


def test_fusion_takes_a_document_for_one_however_it_was_found(search):
    class Fixed(BaseRetriever):
        def _retrieve(self, query_bundle):
            (found,) = search.search("matrix")
            node = TextNode(id_=found.id, text=found.text, metadata=found.metadata)
            return [NodeWithScore(node=node, score=1.0)]

    explained = [LlamaIndexRetriever(search, explain=each) for each in (True, False)]
    assert fused([*explained, Fixed()], "matrix") == ["matrix"]


@pytest.mark.models
def test_it_searches_in_a_mode(joined):
    search = rarefy.Search(joined)
    retriever = LlamaIndexRetriever(search, mode="hybrid", weights={"bm25": 2})
    (found,) = retriever.retrieve("matrix")
    assert (found.node_id, found.score) == ("matrix", pytest.approx(2, abs=1e-5))
    retriever.mode, retriever.weights = "bm25", None
    assert (
        asyncio.run(retriever.aretrieve("matrix"))[0].score
        == search.search("matrix", mode="bm25")[0].score
    )
