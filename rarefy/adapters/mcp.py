"""A server of the Model Context Protocol, so that assistants search an index as a tool."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

import rarefy
from rarefy.errors import RarefyError
from rarefy.search import Search

__all__ = ["create_mcp_server"]

INSTRUCTIONS = (
    "Search a collection of documents by meaning and words. `describe` says what it holds and by "
    "which fields it can be filtered."
)
LANGUAGE = (
    "year >= 2020 and lang in ('en', 'de'); 'tag' in tags; not open; seen < '2024-01-31'; "
    "name is not null; and, or, not, parentheses; text in single quotes"
)
MODES = (
    "What documents are compared by, of the modes that `describe` names, by default the first: "
    "sparse is learned terms, bm25 words, dense meaning alone, hybrid all of them"
)
MOST = 50
TERMS = 5
"""Shared terms that a hit names."""


def create_mcp_server(search: Search) -> MCPServer:
    """Return a server with the tools ``search``, ``read`` and ``describe``; none of them writes.

    ``rarefy mcp INDEX`` runs it over stdin and stdout.

    Parameters
    ----------
    search
        What is searched. Where it has several modes the tool ``search`` takes one of them.
    """
    server: MCPServer = MCPServer(
        "rarefy", version=rarefy.__version__, instructions=INSTRUCTIONS, log_level="WARNING"
    )

    @server.tool(name="search", structured_output=True)
    async def find(
        query: Annotated[str, Field(min_length=1, max_length=10_000)],
        k: Annotated[int, Field(ge=1, le=MOST)] = 5,
        filter: Annotated[str | None, Field(description=f"A condition such as {LANGUAGE}")] = None,
        mode: Annotated[str | None, Field(description=MODES)] = None,
    ) -> list[dict[str, Any]]:
        """Return the best documents for a query, best first, with the terms that they share."""
        try:
            hits = await search.asearch(query, k, filter=filter, explain=True, mode=mode)
        except RarefyError as error:
            raise ToolError(str(error)) from error
        return [
            {
                "id": hit.id,
                "score": hit.score,
                "text": hit.text,
                "metadata": hit.metadata,
                "terms": [term for term, _ in hit.terms[:TERMS]],
            }
            for hit in hits
        ]

    @server.tool(structured_output=True)
    def read(
        ids: Annotated[list[str], Field(min_length=1, max_length=MOST)],
    ) -> list[dict[str, Any]]:
        """Return all fields of documents, text among them, by their ids."""
        try:
            return search.index.metadata(ids)
        except RarefyError as error:
            raise ToolError(str(error)) from error

    @server.tool(structured_output=True)
    def describe() -> dict[str, Any]:
        """Say how many documents there are, their fields and modes, and how filters are written."""
        index = search.index
        return {
            "documents": len(index),
            "fields": index.fields,
            "filters": LANGUAGE,
            "modes": list(search.modes),
        }

    return server
