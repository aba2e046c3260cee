"""Queries that arrive while others are encoded are encoded together next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

__all__ = ["Batches"]

MOST = 16
"""Queries that are encoded together at most. On a CPU more are no faster, as they are padded to the
longest, and all wait longer."""


class Batches:
    """Encodes queries in a thread of its own, several at once where several wait.

    Nobody waits for others to come: a query that finds the encoder idle is encoded alone.

    Parameters
    ----------
    encode
        Texts to vectors, scipy CSR [n, vocabulary].
    observe
        Called with the size of each batch.
    """

    def __init__(
        self, encode: Callable[[Sequence[str]], Any], observe: Callable[[int], None]
    ) -> None:
        self._encode = encode
        self._observe = observe
        self._waiting: list[tuple[str, asyncio.Future[Any]]] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encode")
        self._work: asyncio.Task[None] | None = None

    async def vector(self, text: str) -> Any:
        """Return the vector of a query, scipy CSR [1, vocabulary]; raises what `encode` raises."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((text, result))
        if self._work is None:
            self._work = loop.create_task(self._run())
        return await result

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            batch = [(text, result) for text, result in taken if not result.done()]
            if not batch:  # all have given up
                continue
            try:
                texts = [text for text, _ in batch]
                vectors = await loop.run_in_executor(self._thread, self._encode, texts)
            except Exception as error:
                for _, result in batch:
                    if not result.done():
                        result.set_exception(error)
                continue
            self._observe(len(batch))
            for row, (_, result) in enumerate(batch):
                if not result.done():
                    result.set_result(vectors[[row]])
        self._work = None

    def close(self) -> None:
        """End the thread; nothing may wait any more."""
        self._thread.shutdown()
