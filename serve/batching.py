"""Queries that arrive while others are encoded are encoded together next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

__all__ = ["Batches"]

MOST = 16
"""Queries that are encoded together at most. On a CPU more are no faster, as they are padded to the
longest, and all wait longer."""


Query = TypeVar("Query")


class Batches(Generic[Query]):
    """Encodes queries in a thread of its own, several at once where several wait.

    Nobody waits for others to come: a query that finds the encoder idle is encoded alone.

    Parameters
    ----------
    encode
        Queries to vectors, scipy CSR [n, vocabulary].
    observe
        Called with the size of each batch.
    """

    def __init__(
        self, encode: Callable[[Sequence[Query]], Any], observe: Callable[[int], None]
    ) -> None:
        self._encode = encode
        self._observe = observe
        self._waiting: list[tuple[Query, asyncio.Future[Any]]] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encode")
        self._work: asyncio.Task[None] | None = None

    async def vector(self, query: Query) -> Any:
        """Return the vector of a query, scipy CSR [1, vocabulary]; raises what `encode` raises."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((query, result))
        if self._work is None:
            self._work = loop.create_task(self._run())
        return await result

    async def _run(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            batch = [(query, result) for query, result in taken if not result.done()]
            if batch:  # not all have given up
                await self._answer(batch)
        self._work = None

    async def _answer(self, batch: list[tuple[Query, asyncio.Future[Any]]]) -> None:
        loop = asyncio.get_running_loop()
        queries = [query for query, _ in batch]
        try:
            vectors = await loop.run_in_executor(self._thread, self._encode, queries)
        except Exception as error:
            if len(batch) > 1:  # perhaps the fault of one, such as a picture that cannot be read
                for one in batch:
                    if not one[1].done():
                        await self._answer([one])
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        self._observe(len(batch))
        for row, (_, result) in enumerate(batch):
            if not result.done():
                result.set_result(vectors[[row]])

    def close(self) -> None:
        """End the thread; nothing may wait any more."""
        self._thread.shutdown()
