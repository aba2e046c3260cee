"""The retriever in LangChain's own chains."""

import asyncio

import pytest

pytest.importorskip("langchain_core")

from langchain_core.runnables import RunnableLambda

import rarefy
from rarefy.adapters import LangChainRetriever


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
