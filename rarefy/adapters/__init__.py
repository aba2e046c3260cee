"""rarefy inside other libraries: one file each, which imports its own library alone.

Names are imported when they are first used; a library that is missing is an error that says what
to install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rarefy.errors import require as _require

if TYPE_CHECKING:
    from rarefy.adapters.haystack import HaystackRetriever
    from rarefy.adapters.langchain import LangChainRetriever
    from rarefy.adapters.llama_index import LlamaIndexRetriever
    from rarefy.adapters.mcp import create_mcp_server
    from rarefy.adapters.pyterrier import PyTerrierRetriever
    from rarefy.adapters.sentence_transformers import semantic_search_rarefy

_HOME = {
    "HaystackRetriever": ("haystack", "haystack"),
    "LangChainRetriever": ("langchain", "langchain"),
    "LlamaIndexRetriever": ("llama_index", "llama-index"),
    "PyTerrierRetriever": ("pyterrier", "pyterrier"),
    "create_mcp_server": ("mcp", "mcp"),
    "semantic_search_rarefy": ("sentence_transformers", "encode"),
}
"""Name -> the file that has it, the extra that installs its library."""

__all__ = [
    "HaystackRetriever",
    "LangChainRetriever",
    "LlamaIndexRetriever",
    "PyTerrierRetriever",
    "create_mcp_server",
    "semantic_search_rarefy",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'rarefy.adapters' has no attribute {name!r}")
    file, extra = _HOME[name]
    return getattr(_require(f"rarefy.adapters.{file}", extra), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
