"""``rarefy mcp``: an index as a tool of assistants."""

from __future__ import annotations

from rarefy.cli.arguments import IndexFolder, MadeBy

__all__ = ["mcp"]


def mcp(
    folder: IndexFolder,
    model: MadeBy = None,
) -> None:
    """Serve an index over stdin and stdout by the Model Context Protocol; nothing can be changed.

    [dim]rarefy mcp out/scifact.index[/dim]
    """
    from rarefy.adapters import create_mcp_server
    from rarefy.errors import InputError
    from rarefy.search import Search

    if not folder.exists():
        raise InputError(f"there is no index at {folder}: make one with rarefy index")
    create_mcp_server(Search(folder, model)).run()
