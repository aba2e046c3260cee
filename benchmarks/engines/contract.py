"""What every engine gives to a benchmark.

An engine is built from documents, csr float32[n, V]. `prepare` turns a query into what the engine's
own call takes, outside of the timed region; `search` is the timed call. One built index may stand
behind several engines, which differ in their settings of search.
"""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Engine"]


class Engine(Protocol):
    """One engine over one collection, at one setting.

    Attributes
    ----------
    name : str
        The same for all settings.
    settings : dict
        What the index was built with and is searched with.
    build_s : float
        Processor seconds, of all threads, from documents to an index that can be searched: what
        else the machine does leaves them as they are.
    """

    name: str
    settings: dict[str, Any]
    build_s: float

    def prepare(self, query: Any) -> Any:
        """Turn one row, csr[1, V], into what `search` takes."""

    def search(self, query: Any, k: int) -> Any:
        """Return the rows of the best k documents, best first."""
