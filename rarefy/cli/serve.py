"""``rarefy serve``: an index behind HTTP, with a page to try it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rarefy.cli.arguments import IndexFolder, MadeBy
from rarefy.cli.output import note

__all__ = ["serve"]

VARIABLE = "RAREFY_API_KEYS"


def serve(
    folder: IndexFolder,
    model: MadeBy = None,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for a free one.")] = 8000,
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help=f"API keys, 'read KEY' or 'write KEY' a line; {VARIABLE} may hold them too, "
            "separated by commas. Needed where others reach the address.",
        ),
    ] = None,
    rate: Annotated[
        float,
        typer.Option(min=0, metavar="N", help="Requests a second of one key; 0 for no limit."),
    ] = 0.0,
    concurrent: Annotated[
        int, typer.Option(min=1, metavar="N", help="Requests at once, before some are refused.")
    ] = 256,
    log: Annotated[
        bool, typer.Option("--log/--no-log", help="Write a line of JSON a request to stderr.")
    ] = True,
) -> None:
    """Serve an index over HTTP: a page at /, the API's description at /openapi.json.

    A new INDEX needs a MODEL; minilm-d2s+bm25+dense has three, to be searched apart or together.
    SIGTERM ends it when running requests are answered, and commits what waits.

    [dim]rarefy serve out/scifact.index
    rarefy serve notes --model minilm-d2s --host 0.0.0.0 --keys keys.txt[/dim]
    """
    import logging
    import os

    from rarefy.errors import InputError, require
    from rarefy.search import Search
    from rarefy.serve import Keys, Limits

    require("fastapi", "serve")
    from rarefy.serve import create_app, run
    from rarefy.serve.server import check_address

    found = Keys.read(keys, os.environ.get(VARIABLE, ""))
    if keys is not None and not len(found):
        raise InputError(f"{keys} holds no keys; expected 'read KEY' or 'write KEY' a line")
    known = found if len(found) else None
    check_address(host, known)
    if model is None and not folder.exists():
        raise InputError(f"there is no index at {folder}: name one, or a --model for a new one")
    limits = Limits(requests_per_second=rate, concurrent=concurrent)
    search = Search(folder, model)
    logging.basicConfig(format="%(message)s", level=logging.INFO if log else logging.WARNING)
    app = create_app(search, keys=known, limits=limits)
    note(f"{folder}: {len(search):,} documents at http://{host}:{port}, Ctrl+C ends")
    run(app, host=host, port=port, keys=known, limits=limits)
