"""A retriever for LlamaIndex."""

from __future__ import annotations

from typing import Any

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from rarefy.search import Hit, Search

__all__ = ["LlamaIndexRetriever"]

TERMS = "terms"


class LlamaIndexRetriever(BaseRetriever):
    """Retrieves the documents of a `rarefy.Search` as nodes.

    A node has the document's id, its text, and its other fields as ``metadata``; with `explain`
    also ``terms``, what each shared term adds to the score, which prompts and embeddings leave out.

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
    """

    def __init__(
        self,
        search: Search,
        similarity_top_k: int = 10,
        filter: str | None = None,
        recall: float | None = None,
        explain: bool = False,
    ) -> None:
        super().__init__()
        self.search = search
        self.similarity_top_k = similarity_top_k
        self.filter = filter
        self.recall = recall
        self.explain = explain

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self.search.search(query_bundle.query_str, **self._options())
        return [_node(hit) for hit in hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = await self.search.asearch(query_bundle.query_str, **self._options())
        return [_node(hit) for hit in hits]

    def _options(self) -> dict[str, Any]:
        options = {name: getattr(self, name) for name in ("filter", "recall", "explain")}
        return {"k": self.similarity_top_k, **options}


def _node(hit: Hit) -> NodeWithScore:
    metadata = {**hit.metadata, TERMS: list(hit.terms)} if hit.terms else hit.metadata
    node = TextNode(
        id_=hit.id,
        text=hit.text or "",
        metadata=metadata,
        excluded_llm_metadata_keys=[TERMS],
        excluded_embed_metadata_keys=[TERMS],
    )
    return NodeWithScore(node=node, score=hit.score)
