"""How fast a model encodes, without counting what a cache held."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Protocol, TypeVar

__all__ = ["CountingModel", "timed_encoding"]

T = TypeVar("T")


class CountingModel(Protocol):
    """A model whose attribute ``computed`` counts the texts that it has really encoded."""

    @property
    def computed(self) -> int:
        """Texts encoded so far, without those that a cache held."""
        ...


def timed_encoding(model: CountingModel, encode: Callable[[], T]) -> tuple[T, float | None]:
    """Call `encode` and tell how many texts a second the model encoded meanwhile.

    Returns
    -------
    tuple
        What `encode` returned, and texts a second; None if the model encoded none.
    """
    before = model.computed
    start = perf_counter()
    vectors = encode()
    seconds = perf_counter() - start
    computed = model.computed - before
    return vectors, computed / seconds if computed else None
