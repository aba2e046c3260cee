"""What every request passes before a route sees it, and every answer on its way out."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
from collections.abc import Iterable
from typing import Any

import msgspec

from rarefy.serve.keys import Keys
from rarefy.serve.limits import Limits
from rarefy.serve.messages import Message, Receive, Scope, Send, send_json
from rarefy.serve.metrics import Metrics
from rarefy.serve.problems import Problem
from rarefy.serve.rates import Rates

__all__ = ["Gate"]

OPEN = frozenset({"/", "/page.js", "/page.css", "/health", "/ready", "/openapi.json"})
"""Paths that need no key: nothing of the index is in them."""
UNCOUNTED = frozenset({"/health", "/ready", "/metrics"})
"""Paths that answer however busy the server is."""
WRITES = frozenset({"/documents", "/documents/delete", "/commit"})
ROUTES = OPEN | UNCOUNTED | WRITES | {"/search", "/search/batch", "/stats"}
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
HOST = re.compile(r"(\[[^]]*\]|[^:]*)(?::[0-9]+)?")
FOREIGN = frozenset({b"cross-site", b"same-site"})
SINGLE = frozenset({b"host", b"authorization", b"content-type", b"content-encoding"})
CLOSE = {"connection": "close"}
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        b"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
]

log = logging.getLogger("rarefy.serve")


class Gate:
    """ASGI middleware: host, origin, key, rate, number, size and time of requests; their record.

    Parameters
    ----------
    app
        What answers.
    keys
        Who may ask; None for everybody, from this machine alone.
    limits
        How much may be asked.
    metrics
        What counts requests.
    """

    def __init__(self, app: Any, *, keys: Keys | None, limits: Limits, metrics: Metrics) -> None:
        self._app = app
        self._keys = keys
        self._limits = limits
        self._metrics = metrics
        self._rates = Rates(limits.requests_per_second, limits.burst)
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        began = time.perf_counter()
        route = scope["path"] if scope["path"] in ROUTES else "other"
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        counted = route not in UNCOUNTED
        self._running += counted
        self._metrics.running.inc()
        role, body = None, None
        seconds = self._limits.write_seconds if route in WRITES else self._limits.read_seconds
        try:
            headers = _headers(scope["headers"])
            role = self._admit(scope, headers, route)
            async with asyncio.timeout(self._limits.body_seconds) as patience:
                body = await self._body(scope, headers, receive)
                patience.reschedule(asyncio.get_running_loop().time() + seconds)
                # The server leaves out the body of what a HEAD asks for.
                method = "GET" if scope["method"] == "HEAD" else scope["method"]
                await self._app({**scope, "method": method}, _replay(body, receive), answer)
        except Problem as problem:
            await _refuse(problem, answer)
        except TimeoutError:
            if not status:
                await _refuse(self._slow(seconds) if body is not None else self._late(), answer)
        except Exception as error:
            log.error(_line({"error": type(error).__name__, "route": route, "at": _place(error)}))
            if status:
                raise
            await _refuse(Problem(500, "the server failed: its log says where"), answer)
        finally:
            self._running -= counted
            self._metrics.running.dec()
            took = time.perf_counter() - began
            self._metrics.observe(route, status, took)
            if log.isEnabledFor(logging.INFO):
                record = {"method": scope["method"], "route": route, "status": status}
                client = (scope.get("client") or ("?",))[0]
                ms = round(took * 1e3, 3)
                log.info(_line({**record, "ms": ms, "client": client, "role": role}))

    def _admit(self, scope: Scope, headers: dict[bytes, bytes], route: str) -> str | None:
        """Return the role of who asks, or raise a Problem."""
        client: object = (scope.get("client") or ("?",))[0]
        role = None
        if self._keys is None:
            _check_host(headers.get(b"host", b""))
        if route not in OPEN and headers.get(b"sec-fetch-site") in FOREIGN:
            raise Problem(403, "the request comes from a page of another site: ask from your own")
        if self._keys is not None and route not in OPEN:
            kind, _, key = headers.get(b"authorization", b"").partition(b" ")
            key = key.strip()  # one client, however many spaces come before the key
            role = self._keys.role(key) if kind.lower() == b"bearer" else None
            if role is None:
                raise Problem(
                    401,
                    "there is no such key; expected the header 'Authorization: Bearer KEY'",
                    {"www-authenticate": "Bearer"},
                )
            if route in WRITES and role != "write":
                raise Problem(403, "this key may read alone: use one of the role write")
            client = key
        if route in UNCOUNTED:
            return role
        if wait := self._rates.wait(client):
            most = self._limits.requests_per_second
            raise Problem(
                429, f"more than {most:g} requests a second: wait", {"retry-after": _seconds(wait)}
            )
        if self._running > self._limits.concurrent:
            most = self._limits.concurrent
            raise Problem(429, f"more than {most} requests at once: wait", {"retry-after": "1"})
        return role

    async def _body(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """Read the body whole, or raise a Problem."""
        if scope["method"] != "POST" or scope["path"] in OPEN | UNCOUNTED:
            return b""  # what needs no key, or is not counted, fills no memory
        # What is not JSON, a page of another site could send without asking first.
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            raise Problem(415, "expected the header 'Content-Type: application/json'", CLOSE)
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Problem(415, "the body is compressed: send it as it is", CLOSE)
        length = headers.get(b"content-length", b"")
        self._check_size(int(length[:20]) if length.isdigit() else 0)
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Problem(400, "the client has gone", CLOSE)
            body += message.get("body", b"")
            more = message.get("more_body", False)
            self._check_size(len(body))
        return bytes(body)

    def _check_size(self, size: int) -> None:
        most = self._limits.body_bytes
        if size > most:
            raise Problem(413, f"the body has over {most} bytes: send less at once", CLOSE)

    def _late(self) -> Problem:
        seconds = self._limits.body_seconds
        return Problem(408, f"the body did not arrive in {seconds:g} s: send it at once", CLOSE)

    def _slow(self, seconds: float) -> Problem:
        return Problem(408, f"the answer takes over {seconds:g} s: ask for less at once")


def _headers(given: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return headers by name; of what others may read differently there must be one."""
    headers: dict[bytes, bytes] = {}
    for name, value in given:
        if name in SINGLE and name in headers:
            raise Problem(400, f"the header {name.decode()} is there twice: send it once", CLOSE)
        headers[name] = value
    return headers


def _check_host(host: bytes) -> None:
    """Refuse names that a foreign site could have made to mean this machine."""
    found = HOST.fullmatch(host.decode("latin-1"))
    if found is None or found.group(1).lower() not in LOOPBACK:
        raise Problem(421, "without API keys this server answers to localhost alone: set keys")


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return what gives an app the body at once, and then what happens to the connection."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(problem: Problem, send: Send) -> None:
    await send_json(send, problem.status, problem.body(), problem.headers)


def _seconds(wait: float) -> str:
    return str(max(1, math.ceil(wait)))


def _line(record: dict[str, Any]) -> str:
    return msgspec.json.encode(record).decode()


def _place(error: BaseException) -> str:
    """Return where an error was raised; its message may hold what a document says."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
