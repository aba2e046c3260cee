"""The routes: each turns a body into calls of `rarefy.Search`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pydantic_core
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

import rarefy
from rarefy.errors import DamagedIndexError, InputError, InputTypeError
from rarefy.index.warmup import warm_up
from rarefy.search import Search
from rarefy.serve.batching import Batches
from rarefy.serve.bodies import (
    Answer,
    Answers,
    Change,
    Changed,
    Deletion,
    Queries,
    Query,
    Stats,
    Trouble,
)
from rarefy.serve.changes import Changes
from rarefy.serve.gate import Gate
from rarefy.serve.keys import Keys
from rarefy.serve.limits import Limits
from rarefy.serve.metrics import Metrics
from rarefy.serve.problems import PROBLEMS, Problem
from rarefy.serve.searches import Searches

__all__ = ["create_app"]

HERE = Path(__file__).parent
FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
REFUSED = (400, 401, 403, 408, 409, 413, 415, 421, 422, 429)
THREADS = 4
"""Searches and changes that run at once; the kernels hold no lock of Python's."""


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
    batches = Batches(search.encode_queries, metrics.observe_batch)
    searches = Searches(search, batches, threads, limits)
    changes = Changes(search, threads, limits)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(warm_up)  # a request must not wait for compilation
        yield
        batches.close()
        threads.shutdown()
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
        responses={
            status: {"model": Trouble} for status in (400, 401, 403, 408, 413, 415, 422, 429)
        },
    )
    app.add_middleware(Gate, keys=keys, limits=limits, metrics=metrics)
    _explain_errors(app)
    _add_files(app)

    @app.post("/search", response_model=Answer, tags=["search"])
    async def one_search(query: Query) -> Response:
        """Find the best documents for a text or a vector."""
        return _json(await searches.one(query))

    @app.post("/search/batch", response_model=Answers, tags=["search"])
    async def several_searches(queries: Queries) -> Response:
        """Find the best documents for each of several texts or vectors."""
        return _json({"answers": await searches.several(queries)})

    @app.post("/documents", response_model=Changed, tags=["changes"])
    async def upsert(change: Change) -> Response:
        """Add documents, and replace those whose ids are there; needs a key that may write."""
        return _json(await changes.upsert(change))

    @app.post("/documents/delete", response_model=Changed, tags=["changes"])
    async def delete(deletion: Deletion) -> Response:
        """Delete documents; needs a key that may write."""
        return _json(await changes.delete(deletion))

    @app.post("/commit", response_model=Changed, tags=["changes"])
    async def commit() -> Response:
        """Commit the changes that wait; needs a key that may write."""
        return _json(await changes.commit())

    @app.get("/stats", response_model=Stats, tags=["server"])
    async def stats() -> Response:
        """Say what is served."""
        index, model = search.index, search.model
        return _json(
            {
                "documents": len(index),
                "vocabulary": index.vocabulary_size,
                "fields": index.fields,
                "model": None if model is None else model.name,
                "version": rarefy.__version__,
            }
        )

    @app.get("/health", tags=["server"])
    async def health() -> dict[str, str]:
        """Say that the process lives."""
        return {"status": "alive"}

    @app.get("/ready", tags=["server"], responses={503: {"model": Trouble}})
    async def ready() -> dict[str, str]:
        """Say whether searches are answered: one is made."""
        await searches.probe()
        return {"status": "ready"}

    @app.get("/metrics", tags=["server"], response_class=Response)
    async def counters() -> Response:
        """Return counters in Prometheus' text format."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    return app


def _json(content: Any, status: int = 200) -> Response:
    return Response(pydantic_core.to_json(content), status, media_type="application/json")


def _explain_errors(app: FastAPI) -> None:
    """Give every error one form, without what the request held."""

    def problem(problem: Problem) -> Response:
        return Response(
            problem.body(), problem.status, problem.headers, media_type="application/json"
        )

    async def invalid(request: Request, error: RequestValidationError) -> Response:
        found = [
            f"{'.'.join(map(str, each['loc'][1:])) or 'body'}: {each['msg']}"
            for each in error.errors()[:5]
        ]
        return problem(Problem(422, "; ".join(found)))

    async def refused(request: Request, error: HTTPException) -> Response:
        status = error.status_code if error.status_code in PROBLEMS else 400
        return problem(Problem(status, str(error.detail), dict(error.headers or {})))

    async def unusable(request: Request, error: InputError | InputTypeError) -> Response:
        if isinstance(error, DamagedIndexError):
            raise error
        return problem(Problem(422, str(error)))

    async def not_stored(request: Request, error: OSError) -> Response:
        return problem(Problem(507, f"the change is not stored: {error.strerror}"))

    handlers: dict[Any, Callable[..., Any]] = {
        RequestValidationError: invalid,
        HTTPException: refused,
        InputError: unusable,
        InputTypeError: unusable,
        OSError: not_stored,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)

    async def known(request: Request, error: Problem) -> Response:
        return problem(error)

    app.add_exception_handler(Problem, known)  # type: ignore[arg-type]


def _add_files(app: FastAPI) -> None:
    """Serve the page from memory: no path of a request reaches the file system."""
    for path, (name, kind) in FILES.items():
        content = (HERE / name).read_bytes()

        async def file(content: bytes = content, kind: str = kind) -> Response:
            return Response(content, media_type=kind)

        app.add_api_route(path, file, methods=["GET"], include_in_schema=False)
