"""A retriever for Haystack."""

from __future__ import annotations

from collections.abc import Mapping
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
    mode
        What documents are compared by, of `Search.modes`; by default the first.
    weights
        How much each part counts in the mode ``"hybrid"``; by default 1 for each.
    """

    def __init__(
        self,
        folder: str,
        model: str | None = None,
        top_k: int = 10,
        filter: str | None = None,
        recall: float | None = None,
        mode: str | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self.folder = str(folder)
        self.model = model
        self.top_k = top_k
        self.filter = filter
        self.recall = recall
        self.mode = mode
        self.weights = weights
        self._search: Search | None = None

    def warm_up(self) -> None:
        """Open the index, and load its model."""
        if self._search is None:
            self._search = Search(self.folder, self.model)

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        top_k: int | None = None,
        filter: str | None = None,
        mode: str | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> dict[str, list[Document]]:
        """Return the best documents for a query, with their scores.

        Parameters
        ----------
        query
            What to search for.
        top_k, filter, mode, weights
            In place of those that the retriever was made with; another mode than its own has none
            of its weights.
        """
        self.warm_up()
        assert self._search is not None
        if mode is None:
            mode, weights = self.mode, self.weights if weights is None else weights
        hits = self._search.search(
            query,
            self.top_k if top_k is None else top_k,
            filter=self.filter if filter is None else filter,
            recall=self.recall,
            mode=mode,
            weights=weights,
        )
        documents = [
            Document(id=hit.id, content=hit.text, meta=hit.metadata, score=hit.score)
            for hit in hits
        ]
        return {"documents": documents}

    def to_dict(self) -> dict[str, Any]:
        """Return what a saved pipeline holds of it."""
        names = ("folder", "model", "top_k", "filter", "recall", "mode", "weights")
        made: dict[str, Any] = default_to_dict(self, **{n: getattr(self, n) for n in names})
        return made

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Make what `to_dict` described."""
        made: Self = default_from_dict(cls, data)
        return made
