"""What a search may be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

__all__ = ["Options"]


class Options(TypedDict, total=False):
    """Options of `Search.search`, `Search.search_many` and `Search.asearch`, by name.

    Attributes
    ----------
    filter, recall
        As `Index.search` takes them.
    explain : bool
        Whether hits say why they were found: `Hit.terms` and `Hit.highlights`.
    fields : sequence of str or None
        What to return of the metadata, ``text`` among it; by default all.
    mode : str or None
        What documents are compared by, or the tower that reads the query, of `Search.modes`; by
        default the first for a text, and all columns that it has for a vector.
    weights : mapping of str to float, or None
        How much each part counts in the mode ``"hybrid"``, where a part's best document has 1; by
        default 1 for each.
    timeout : float or None
        Seconds after which the search is given up, with a TimeoutError, at its next step: a step is
        finding the documents, or the reasons for one of them. None for no end.
    """

    filter: Any
    recall: float | None
    explain: bool
    fields: Sequence[str] | None
    mode: str | None
    weights: Mapping[str, float] | None
    timeout: float | None
