"""The application: its operations, what it says of itself, and the page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

import rarefy
from rarefy.errors import InputError
from rarefy.index.warmup import warm_up
from rarefy.search import Search
from rarefy.serve.batching import Batches
from rarefy.serve.bodies import (
    Answer,
    Answers,
    Change,
    Changed,
    Deletion,
    Document,
    Queries,
    Query,
    Sought,
    Stats,
    Trouble,
)
from rarefy.serve.changes import Changes
from rarefy.serve.description import describe, json_of
from rarefy.serve.gate import Gate
from rarefy.serve.keys import Keys
from rarefy.serve.limits import Limits
from rarefy.serve.metrics import Metrics
from rarefy.serve.operations import CHANGES, Operation, Operations
from rarefy.serve.problems import PROBLEMS, Problem
from rarefy.serve.searches import Searches, encoded

__all__ = ["create_app"]

HERE = Path(__file__).parent
FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
UNROUTED = {
    404: "there is nothing at this path: /openapi.json lists those that there are",
    405: "this path takes GET alone",
}
THREADS = 4
"""Searches that run at once; the kernels hold no lock of Python's."""


def create_app(
    search: Search, *, keys: Keys | None = None, limits: Limits | None = None
) -> FastAPI:
    """Return an ASGI application that serves an index.

    When it ends, the changes that wait are committed and the index is closed.

    Parameters
    ----------
    search
        What is served.
    keys
        Who may ask. Without, everybody on this machine may, and requests by any other host name
        than localhost are refused.
    limits
        How much may be asked; see `Limits`.

    Raises
    ------
    InputError
        If there are no keys in `keys`.
    """
    if keys is not None and not len(keys):
        raise InputError("keys is empty, so that nobody could ask; expected a key, or keys=None")
    limits = limits or Limits()
    metrics = Metrics(lambda: len(search))
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="search")
    batches = Batches(partial(encoded, search), metrics.observe_batch)
    searches = Searches(search, batches, threads, limits)
    writing = ThreadPoolExecutor(1, thread_name_prefix="change")
    changes = Changes(search, writing, limits)
    operations = [
        Operation(
            "/search",
            "search",
            "Find the best documents for a text or a vector",
            searches.one,
            Answer,
            Query,
        ),
        Operation(
            "/search/batch",
            "search",
            "Find the best documents for each of several texts or vectors",
            searches.several,
            Answers,
            Queries,
            ("queries", Sought),
        ),
        Operation(
            "/documents",
            CHANGES,
            "Add documents, and replace those whose ids are there; needs a key that may write",
            changes.upsert,
            Changed,
            Change,
            ("documents", Document),
        ),
        Operation(
            "/documents/delete",
            CHANGES,
            "Delete documents; needs a key that may write",
            changes.delete,
            Changed,
            Deletion,
        ),
        Operation(
            "/commit",
            CHANGES,
            "Commit the changes that wait; needs a key that may write",
            changes.commit,
            Changed,
        ),
    ]

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(warm_up)  # a request must not wait for compilation
        yield
        batches.close()
        threads.shutdown()
        writing.shutdown()
        try:
            search.commit()
        finally:
            search.close()

    app = FastAPI(
        title="rarefy",
        version=rarefy.__version__,
        summary="Search by text or sparse vectors; every score can be explained.",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirect would repeat the host that the client claims
        lifespan=life,
    )
    app.add_middleware(Operations, operations=operations, threads=threads)
    app.add_middleware(Gate, keys=keys, limits=limits, metrics=metrics)
    _explain_errors(app)
    _add_files(app)

    @app.get("/stats", tags=["server"], responses={200: json_of(Stats)})
    async def stats() -> Response:
        """Say what is served."""
        index, model = search.index, search.model
        name = None if model is None else model.name
        held = Stats(
            len(index),
            index.vocabulary_size,
            list(search.modes),
            index.fields,
            name,
            rarefy.__version__,
        )
        return Response(msgspec.json.encode(held), media_type="application/json")

    @app.get("/health", tags=["server"])
    async def health() -> dict[str, str]:
        """Say that the process lives."""
        return {"status": "alive"}

    @app.get("/ready", tags=["server"], responses={503: json_of(Trouble, "Not ready.")})
    async def ready() -> dict[str, str]:
        """Say whether searches are answered: one is made."""
        await searches.probe()
        return {"status": "ready"}

    @app.get("/metrics", tags=["server"], response_class=Response)
    async def counters() -> Response:
        """Return counters in Prometheus' text format."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    describe(app, operations)
    return app


def _explain_errors(app: FastAPI) -> None:
    """Give the errors of routes the form that all have."""

    async def refused(request: Request, error: HTTPException) -> Response:
        status = error.status_code if error.status_code in PROBLEMS else 400
        told = UNROUTED.get(status, str(error.detail))
        raise Problem(status, told, dict(error.headers or {}))

    app.add_exception_handler(HTTPException, refused)  # type: ignore[arg-type]


def _add_files(app: FastAPI) -> None:
    """Serve the page from memory: no path of a request reaches the file system."""
    for path, (name, kind) in FILES.items():
        content = (HERE / name).read_bytes()

        async def file(content: bytes = content, kind: str = kind) -> Response:
            return Response(content, media_type=kind)

        app.add_api_route(path, file, methods=["GET"], include_in_schema=False)
