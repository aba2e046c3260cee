"""What a search for a text finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Hit"]


@dataclass(frozen=True)
class Hit:
    """A document that was found.

    Attributes
    ----------
    id : str
        The document's id.
    score : float
        Dot product of the query and the document.
    text : str or None
        The document's text; None if the index does not hold it.
    metadata : dict
        The document's other fields, None where a value is missing.
    terms : tuple of (str, float)
        What each shared term adds to the score, largest first; empty unless it was asked for.
    highlights : tuple of (int, int)
        Where `text` has words that stand for one of these terms: first character and the one after
        the last, in order; empty unless it was asked for.
    """

    id: str
    score: float
    text: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    terms: tuple[tuple[str, float], ...] = ()
    highlights: tuple[tuple[int, int], ...] = ()
