"""An adapter whose library is not installed says what to install."""

import sys

import pytest

import rarefy.adapters
from rarefy.errors import MissingExtraError


@pytest.mark.parametrize(
    ("name", "file", "library", "extra"),
    [
        ("HaystackRetriever", "haystack", "haystack", "haystack"),
        ("LangChainRetriever", "langchain", "langchain_core.callbacks", "langchain"),
        ("LlamaIndexRetriever", "llama_index", "llama_index.core.retrievers", "llama-index"),
        ("PyTerrierRetriever", "pyterrier", "pyterrier", "pyterrier"),
        ("create_mcp_server", "mcp", "mcp.server.mcpserver", "mcp"),
    ],
)
def test_a_missing_library_is_named(monkeypatch, name, file, library, extra):
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"rarefy.adapters.{file}", raising=False)
    with pytest.raises(MissingExtraError, match=rf"pip install 'rarefy\[{extra}\]'"):
        getattr(rarefy.adapters, name)


def test_every_adapter_is_listed():
    assert set(rarefy.adapters.__all__) <= set(dir(rarefy.adapters))
