"""A retriever for Haystack."""

from __future__ import annotations

from typing import Any, Self

from haystack import Document, component, default_from_dict, default_to_dict

from rarefy.search import Search

__all__ = ["HaystackRetriever"]


@component
class HaystackRetriever:
    """Retrieves the documents of an index by text.

    Parameters
    ----------
    folder
        The folder of the index; it is opened when it is first needed, or by `warm_up`.
    model
        What encodes texts; by default the model that made the index.
    top_k
        How many documents.
    filter
        A condition on the metadata, such as ``"year >= 2020"``.
    recall
        None for exact search; see `Index.search`.
    """

    def __init__(
        self,
        folder: str,
        model: str | None = None,
        top_k: int = 10,
        filter: str | None = None,
        recall: float | None = None,
    ) -> None:
        self.folder = str(folder)
        self.model = model
        self.top_k = top_k
        self.filter = filter
        self.recall = recall
        self._search: Search | None = None

    def warm_up(self) -> None:
        """Open the index, and load its model."""
        if self._search is None:
            self._search = Search(self.folder, self.model)

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, top_k: int | None = None, filter: str | None = None
    ) -> dict[str, list[Document]]:
        """Return the best documents for a query, with their scores.

        Parameters
        ----------
        query
            What to search for.
        top_k, filter
            In place of those that the retriever was made with.
        """
        self.warm_up()
        assert self._search is not None
        hits = self._search.search(
            query,
            self.top_k if top_k is None else top_k,
            filter=self.filter if filter is None else filter,
            recall=self.recall,
        )
        documents = [
            Document(id=hit.id, content=hit.text, meta=hit.metadata, score=hit.score)
            for hit in hits
        ]
        return {"documents": documents}

    def to_dict(self) -> dict[str, Any]:
        """Return what a saved pipeline holds of it."""
        names = ("folder", "model", "top_k", "filter", "recall")
        made: dict[str, Any] = default_to_dict(self, **{n: getattr(self, n) for n in names})
        return made

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Make what `to_dict` described."""
        made: Self = default_from_dict(cls, data)
        return made
