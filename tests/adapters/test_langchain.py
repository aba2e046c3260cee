"""The retriever in LangChain's own chains."""

import asyncio

import pytest

pytest.importorskip("langchain_core")

from langchain_core.runnables import ConfigurableField, RunnableLambda

import rarefy
from rarefy.adapters import LangChainRetriever
from rarefy.errors import InputError


@pytest.fixture
def retriever(folder):
    return LangChainRetriever(search=rarefy.Search(folder), k=2, filter="year > 2019")


def test_it_is_invoked_as_any_retriever(retriever):
    (document,) = retriever.invoke("the inverted matrix and the cat")
    assert document.id == "matrix"
    assert document.page_content.startswith("Matrix inversion")
    assert document.metadata.keys() == {"year", "score"}
    assert asyncio.run(retriever.ainvoke("the inverted matrix and the cat")) == [document]
    assert retriever.batch(["matrix", "nothing of it"])[1] == []


def test_it_stands_in_a_chain(retriever):
    chain = retriever | RunnableLambda(lambda found: [document.id for document in found])
    assert chain.invoke("bread or matrix, the recipe") == ["bread", "matrix"]


def test_it_explains_if_asked_to(folder):
    retriever = LangChainRetriever(search=rarefy.Search(folder), k=1, explain=True)
    (document,) = retriever.invoke("matrix")
    ((term, share),) = document.metadata["terms"]
    assert term == "matrix"
    assert share == pytest.approx(document.metadata["score"])


def test_what_it_is_made_with_is_checked(folder):
    with pytest.raises(ValueError, match="search"):
        LangChainRetriever(search=folder)


def test_a_call_has_its_own_options(retriever):
    (document,) = retriever.invoke("the cat on the mat", k=1, filter=None)
    assert document.id == "cat"
    query = "the cat, the inverted matrix, the recipe"
    assert len(retriever.invoke(query, k=3, filter=None)) == 3
    assert len(asyncio.run(retriever.ainvoke(query, k=1, filter=None))) == 1


def test_fields_are_never_hidden_by_what_is_added(fields_search):
    with pytest.raises(InputError, match="field 'score', which is the score_key too"):
        LangChainRetriever(search=fields_search).invoke("cat")
    retriever = LangChainRetriever(search=fields_search, score_key="found", explain=True)
    with pytest.raises(InputError, match="such as terms_key='rarefy_terms'"):
        retriever.invoke("cat")
    retriever.terms_key = "why"
    (document,) = retriever.invoke("cat")
    assert (document.metadata["score"], document.metadata["terms"]) == (7, "strict")
    assert document.metadata["found"] == pytest.approx(document.metadata["why"][0][1])


@pytest.mark.models
def test_it_searches_in_a_mode(joined):
    search = rarefy.Search(joined)
    retriever = LangChainRetriever(search=search, mode="hybrid", weights={"bm25": 2})
    (document,) = retriever.invoke("matrix")
    assert (document.id, document.metadata["score"]) == ("matrix", pytest.approx(2, abs=1e-5))
    chosen = LangChainRetriever(search=search).configurable_fields(mode=ConfigurableField("mode"))
    for mode in search.modes:
        (document,) = chosen.invoke("matrix", {"configurable": {"mode": mode}})[:1]
        (hit,) = search.search("matrix", 1, mode=mode)
        assert document.metadata["score"] == hit.score
    with pytest.raises(InputError, match="expected sparse, bm25 or hybrid"):
        retriever.invoke("matrix", mode="lexical", weights=None)
    (document,) = retriever.invoke("matrix", mode="bm25")[:1]
    (hit,) = search.search("matrix", 1, mode="bm25")
    assert document.metadata["score"] == hit.score
