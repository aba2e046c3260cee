"""A retriever for LangChain."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from rarefy.search import Hit, Search

__all__ = ["LangChainRetriever"]


class LangChainRetriever(BaseRetriever):
    """Retrieves the documents of a `rarefy.Search`.

    A document's ``page_content`` is its text, its ``metadata`` its other fields and ``score``; with
    `explain` also ``terms``, what each shared term adds to the score.

    Attributes
    ----------
    search : Search
        What is searched.
    k : int
        How many documents.
    filter : str or None
        A condition on the metadata, such as ``"year >= 2020"``.
    recall : float or None
        None for exact search; see `Index.search`.
    explain : bool
        Whether documents say why they were found.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    search: Search
    k: int = 10
    filter: str | None = None
    recall: float | None = None
    explain: bool = False

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [_document(hit) for hit in self.search.search(query, **self._options())]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [_document(hit) for hit in await self.search.asearch(query, **self._options())]

    def _options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("k", "filter", "recall", "explain")}


def _document(hit: Hit) -> Document:
    metadata = {**hit.metadata, "score": hit.score}
    if hit.terms:
        metadata["terms"] = list(hit.terms)
    return Document(id=hit.id, page_content=hit.text or "", metadata=metadata)
