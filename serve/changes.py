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
        self._waiting: frozenset[str] = frozenset()
        """Fields of documents that are not committed."""

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
        found = await self._run(lambda: self._delete(deletion))
        return {"documents": found, "committed": deletion.commit}

    async def commit(self) -> dict[str, Any]:
        """Commit what waits."""
        await self._run(self._commit)
        return {"documents": 0, "committed": True}

    def _add(self, documents: list[Document], vectors: Any, commit: bool) -> None:
        names = frozenset(name for document in documents for name in document.metadata)
        self._check_fields(names)
        ids = [document.id for document in documents]
        records: list[dict[str, Any]] = [document.metadata for document in documents]
        texts = [document.text for document in documents]
        if vectors is None:
            self._search.add([t or "" for t in texts], records, ids=ids, commit=commit)
        else:
            held = [
                record if text is None else {**record, "text": text}
                for record, text in zip(records, texts, strict=True)
            ]
            fields = held if any(held) else None
            self._search.add_vectors(ids, vectors, fields, commit=commit)
        self._waiting = frozenset() if commit else self._waiting | names

    def _delete(self, deletion: Deletion) -> int:
        found = self._search.delete(deletion.ids, commit=deletion.commit)
        if deletion.commit:
            self._waiting = frozenset()
        return found

    def _commit(self) -> None:
        self._search.commit()
        self._waiting = frozenset()

    def _check(self, count: int) -> None:
        if count > self._limits.documents:
            raise Problem(
                422, f"{count} documents, at most {self._limits.documents}: send several requests"
            )

    def _check_fields(self, names: frozenset[str]) -> None:
        known = self._waiting.union(self._search.index.fields)
        count, most = len(names | known), self._limits.fields
        if count > most and not names <= known:
            raise Problem(
                422, f"the documents would have {count} fields, at most {most}: name fewer"
            )

    async def _run(self, change: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, change)
