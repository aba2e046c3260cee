"""A retriever for LangChain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from rarefy.errors import InputError
from rarefy.search import Hit, Search

__all__ = ["LangChainRetriever"]


class LangChainRetriever(BaseRetriever):
    """Retrieves the documents of a `rarefy.Search`.

    A document's ``page_content`` is its text, its ``metadata`` its other fields and ``score``; with
    `explain` also ``terms``, what each shared term adds to the score. ``invoke(query, k=5)`` and
    the like change an option once, another mode than its own having none of its weights;
    ``configurable_fields`` makes it one of a chain's.

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
    mode : str or None
        What documents are compared by, of `Search.modes`; by default the first.
    weights : mapping of str to float, or None
        How much each part counts in the mode ``"hybrid"``; by default 1 for each.
    score_key, terms_key : str
        What the score and the terms are called in ``metadata``; an InputError says if a field of
        the documents has that name.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    search: Search
    k: int = 10
    filter: str | None = None
    recall: float | None = None
    explain: bool = False
    mode: str | None = None
    weights: Mapping[str, float] | None = None
    score_key: str = "score"
    terms_key: str = "terms"

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        hits = self.search.search(query, **self._options(options))
        return [self._document(hit) for hit in hits]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        hits = await self.search.asearch(query, **self._options(options))
        return [self._document(hit) for hit in hits]

    def _options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        names = ("k", "filter", "recall", "explain", "mode", "weights")
        options = {name: getattr(self, name) for name in names}
        if given.get("mode") is not None:
            options["weights"] = None  # they are of the retriever's own mode
        return {**options, **given}

    def _document(self, hit: Hit) -> Document:
        metadata = dict(hit.metadata)
        self._put(metadata, "score_key", hit.score)
        if hit.terms:
            self._put(metadata, "terms_key", list(hit.terms))
        return Document(id=hit.id, page_content=hit.text or "", metadata=metadata)

    def _put(self, metadata: dict[str, Any], option: str, value: Any) -> None:
        key = getattr(self, option)
        if key in metadata:
            raise InputError(
                f"the documents have a field {key!r}, which is the {option} too: choose another, "
                f"such as {option}='rarefy_{key}'"
            )
        metadata[key] = value
