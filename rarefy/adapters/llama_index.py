"""A retriever for LlamaIndex."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llama_index.core.bridge.pydantic import Field
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from rarefy.search import Hit, Search

__all__ = ["DocumentNode", "LlamaIndexRetriever"]


class DocumentNode(TextNode):
    """A document that was found.

    Attributes
    ----------
    terms : list of (str, float)
        What each shared term adds to the score, largest first; empty unless it was asked for. It is
        no metadata: prompts and embeddings leave it out, and fusion takes the node for the same
        whatever query found it.
    """

    terms: list[tuple[str, float]] = Field(default_factory=list)

    @property
    def hash(self) -> str:
        """As for any TextNode; of the id too where there is no text, so that none is another."""
        return TextNode(text=self.text or self.id_, metadata=self.metadata).hash


class LlamaIndexRetriever(BaseRetriever):
    """Retrieves the documents of a `rarefy.Search` as nodes.

    A node has the document's id, its text, and its other fields as ``metadata``; with `explain`
    also ``terms``, see `DocumentNode`.

    Parameters
    ----------
    search
        What is searched.
    similarity_top_k
        How many documents.
    filter
        A condition on the metadata, such as ``"year >= 2020"``.
    recall
        None for exact search; see `Index.search`.
    explain
        Whether nodes say why they were found.
    mode
        What documents are compared by, of `Search.modes`; by default the first.
    weights
        How much each part counts in the mode ``"hybrid"``; by default 1 for each.
    """

    def __init__(
        self,
        search: Search,
        similarity_top_k: int = 10,
        filter: str | None = None,
        recall: float | None = None,
        explain: bool = False,
        mode: str | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.search = search
        self.similarity_top_k = similarity_top_k
        self.filter = filter
        self.recall = recall
        self.explain = explain
        self.mode = mode
        self.weights = weights

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self.search.search(query_bundle.query_str, **self._options())
        return [_node(hit) for hit in hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = await self.search.asearch(query_bundle.query_str, **self._options())
        return [_node(hit) for hit in hits]

    def _options(self) -> dict[str, Any]:
        names = ("filter", "recall", "explain", "mode", "weights")
        return {"k": self.similarity_top_k, **{name: getattr(self, name) for name in names}}


def _node(hit: Hit) -> NodeWithScore:
    node = DocumentNode(
        id_=hit.id,
        text=hit.text or "",
        metadata=hit.metadata,  # type: ignore[call-arg]  # its alias is another
        terms=list(hit.terms),
    )
    return NodeWithScore(node=node, score=hit.score)
