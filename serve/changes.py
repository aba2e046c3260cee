"""Changes of the service: one after the other, acknowledged when they are what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from rarefy.search import Search
from rarefy.serve.bodies import Change, Deletion, Document
from rarefy.serve.limits import Limits
from rarefy.serve.problems import Problem
from rarefy.serve.searches import check_picture, sparse_rows

__all__ = ["Changes"]


class Changes:
    """What `/documents`, `/documents/delete` and `/commit` do.

    Parameters
    ----------
    search
        What is changed.
    thread
        Where changes run, one at a time.
    limits
        How much may be asked.
    """

    def __init__(self, search: Search, thread: Executor, limits: Limits) -> None:
        self._search = search
        self._thread = thread
        self._limits = limits

    async def upsert(self, change: Change) -> dict[str, Any]:
        """Add or replace documents."""
        documents = change.documents
        self._check(len(documents))
        given = [document.vector for document in documents if document.vector is not None]
        if len(given) not in (0, len(documents)):
            raise Problem(
                422, f"{len(given)} of {len(documents)} documents have a vector: all or none"
            )
        model = self._search.model
        if not given and model is None:
            raise Problem(409, "the index was built from vectors and has no model: send vectors")
        if not given and model is not None and "document" in model.pictured:
            for document in documents:
                check_picture(document.text or "")
        vectors = sparse_rows(given, self._search, self._limits) if given else None
        await self._run(lambda: self._add(documents, vectors, change.commit))
        return {"documents": len(documents), "committed": change.commit}

    async def delete(self, deletion: Deletion) -> dict[str, Any]:
        """Delete documents; ids that are not there are no error."""
        self._check(len(deletion.ids))
        found = await self._run(lambda: self._search.delete(deletion.ids, commit=deletion.commit))
        return {"documents": found, "committed": deletion.commit}

    async def commit(self) -> dict[str, Any]:
        """Commit what waits."""
        await self._run(self._search.commit)
        return {"documents": 0, "committed": True}

    def _add(self, documents: list[Document], vectors: Any, commit: bool) -> None:
        self._check_fields(documents)
        ids = [document.id for document in documents]
        records: list[dict[str, Any]] = [document.metadata for document in documents]
        texts = [document.text for document in documents]
        if vectors is None:
            self._search.add([t or "" for t in texts], records, ids=ids, commit=commit)
            return
        held = [
            record if text is None else {**record, "text": text}
            for record, text in zip(records, texts, strict=True)
        ]
        fields = held if any(held) else None
        self._search.add_vectors(ids, vectors, fields, commit=commit)

    def _check(self, count: int) -> None:
        if count > self._limits.documents:
            raise Problem(
                422, f"{count} documents, at most {self._limits.documents}: send several requests"
            )

    def _check_fields(self, documents: list[Document]) -> None:
        names = {name for document in documents for name in document.metadata}
        count, most = len(names.union(self._search.index.fields)), self._limits.fields
        if count > most and not names <= self._search.index.fields.keys():
            raise Problem(
                422, f"the documents would have {count} fields, at most {most}: name fewer"
            )

    async def _run(self, change: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, change)
