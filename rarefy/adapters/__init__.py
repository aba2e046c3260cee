"""rarefy inside other libraries: one file each, which imports its own library alone.

Names are imported when they are first used; a library that is missing is an error that says what
to install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rarefy.lazy import lazy as _lazy

if TYPE_CHECKING:
    from rarefy.adapters.haystack import HaystackRetriever
    from rarefy.adapters.langchain import LangChainRetriever
    from rarefy.adapters.llama_index import LlamaIndexRetriever
    from rarefy.adapters.mcp import create_mcp_server
    from rarefy.adapters.pyterrier import PyTerrierRetriever
    from rarefy.adapters.sentence_transformers import semantic_search_rarefy

_HOME = {
    "HaystackRetriever": "haystack",
    "LangChainRetriever": "langchain",
    "LlamaIndexRetriever": "llama_index",
    "PyTerrierRetriever": "pyterrier",
    "create_mcp_server": "mcp",
    "semantic_search_rarefy": "sentence_transformers",
}
_EXTRA = {
    "HaystackRetriever": "haystack",
    "LangChainRetriever": "langchain",
    "LlamaIndexRetriever": "llama-index",
    "PyTerrierRetriever": "pyterrier",
    "create_mcp_server": "mcp",
    "semantic_search_rarefy": "encode",
}

__all__ = [
    "HaystackRetriever",
    "LangChainRetriever",
    "LlamaIndexRetriever",
    "PyTerrierRetriever",
    "create_mcp_server",
    "semantic_search_rarefy",
]

__getattr__, __dir__ = _lazy(__name__, _HOME, _EXTRA)
