"""The routes that take a body: each is read, checked and answered without a framework's detours.

FastAPI's own way from a body to an answer takes longer than most searches.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import msgspec

from rarefy.errors import DamagedIndexError, InputError, InputTypeError
from rarefy.serve.messages import Receive, Scope, Send, send_json
from rarefy.serve.problems import Problem

__all__ = ["CHANGES", "Operation", "Operations"]

CHANGES = "changes"
"""The tag of operations that store something."""
LARGE = 64 * 1024
"""Bytes of a body that is read in a thread, piece by piece, so that other requests need not wait:
nothing else runs while one piece is read."""
RAW_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
RAW_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class Operation:
    """What a POST to a path does.

    Attributes
    ----------
    path : str
        The path.
    tag, summary : str
        For the OpenAPI description.
    call : callable
        Returns what is answered; takes the body unless there is none.
    answer : type
        The form of what is answered.
    body : type or None
        The form of what is sent.
    pieces : (str, type) or None
        The field of a body that may be long, and the form of each of its items.
    """

    path: str
    tag: str
    summary: str
    call: Callable[..., Awaitable[Any]]
    answer: type
    body: type | None = None
    pieces: tuple[str, type] | None = None
    decoder: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        decoder: Any = None if self.body is None else msgspec.json.Decoder(self.body)
        object.__setattr__(self, "decoder", decoder)

    def read(self, content: bytes) -> Any:
        """Return a body, or raise a Problem."""
        try:
            if self.pieces is None or len(content) <= LARGE:
                return self.decoder.decode(content)
            return self._read_pieces(content, *self.pieces)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(422, f"{error}; /openapi.json describes bodies") from None

    def _read_pieces(self, content: bytes, name: str, form: type) -> Any:
        fields = RAW_FIELDS.decode(content)
        known: Any = getattr(self.body, "__struct_fields__", ())
        body = {
            field: msgspec.json.decode(raw) if field in known else None
            for field, raw in fields.items()
            if field != name
        }
        if name in fields:
            item: Any = msgspec.json.Decoder(form)
            body[name] = [item.decode(raw) for raw in RAW_ITEMS.decode(fields[name])]
        return msgspec.convert(body, self.body)


class Operations:
    """ASGI middleware that carries out operations; everything else goes to the next.

    Parameters
    ----------
    app
        What answers other requests.
    operations
        What is carried out.
    threads
        Where large bodies are read.
    """

    def __init__(self, app: Any, operations: Iterable[Operation], threads: Executor) -> None:
        self._app = app
        self._operations = {operation.path: operation for operation in operations}
        self._threads = threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        operation = self._operations.get(scope["path"]) if scope["type"] == "http" else None
        if operation is None:
            await self._app(scope, receive, send)
            return
        if scope["method"] != "POST":
            raise Problem(405, f"{scope['path']} takes POST alone", {"allow": "POST"})
        try:
            content = (await receive())["body"]  # whole: the gate has seen to that
            if operation.body is None:
                answer = await operation.call()
            elif len(content) <= LARGE:
                answer = await operation.call(operation.read(content))
            else:
                loop = asyncio.get_running_loop()
                body = await loop.run_in_executor(self._threads, operation.read, content)
                answer = await operation.call(body)
        except DamagedIndexError:
            raise
        except (InputError, InputTypeError) as error:
            raise Problem(422, str(error)) from error
        except TimeoutError as error:
            raise Problem(408, str(error)) from error
        except OSError as error:
            if operation.tag != CHANGES:
                raise
            raise Problem(
                507, f"the change is not stored yet, the next commit tries again: {error.strerror}"
            ) from error
        await send_json(send, 200, _encoded(answer))


def _encoded(answer: Any) -> bytes:
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:  # half a surrogate pair, which an id may hold, has an escape alone
        return json.dumps(msgspec.to_builtins(answer)).encode()
