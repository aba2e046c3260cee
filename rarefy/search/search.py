"""An index on disk, the model that made it, and changes to it: all that an application needs."""

from __future__ import annotations

import asyncio
import copy
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock, RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import scipy.sparse

import rarefy
from rarefy.errors import InputError
from rarefy.index import Index, Writer
from rarefy.index.vectors import document_ids
from rarefy.origin import Origin
from rarefy.search.answers import Reasons, answers
from rarefy.search.fields import with_texts
from rarefy.search.hit import Hit
from rarefy.sparse.texts import checked

if TYPE_CHECKING:
    from rarefy.sparse import TermModel

__all__ = ["Search"]

DEFAULT_MODEL = "minilm-d2s"
BLOCK = 64
"""Documents that are encoded before waiting queries are."""


class Search:
    """A folder of documents that can be searched by text, and changed.

    What `add` and `delete` change is committed when they return: searches see it, and it survives
    the end of the process and a loss of power. With ``commit=False`` several changes wait for
    `commit`, and become visible together. Safe to share between threads; the methods that begin
    with ``a`` are for asyncio. One process at a time may change a folder, from its first change
    until `close`; others may search it, and `refresh` shows them what was committed since. Leaving
    a ``with`` block commits what waits, or rolls it back if the block failed, and closes.

    Parameters
    ----------
    folder
        The folder of an index, such as ``rarefy index`` made, or of a new one.
    model
        What `rarefy.load` takes, or a model. By default the model that made the index, or
        ``"minilm-d2s"`` for a new one. A model that weighs terms by the statistics of a collection
        uses those of general text here, or is fitted before it is passed; BM25 must be.

    Raises
    ------
    InputError
        If the folder holds other things, or the index was made by another model than this.
    DamagedIndexError
        If the index is not what was written.
    MissingExtraError
        If the packages that the model needs are not installed.
    """

    def __init__(self, folder: str | Path, model: str | Path | TermModel | None = None) -> None:
        self._folder = Path(folder)
        self._encoding = Lock()  # tokenizers are for one thread at a time
        self._changing = RLock()
        self._writer: Writer | None = None
        self._index: Index
        try:
            self._index = Index.open(self._folder)
        except InputError:
            if self._folder.is_file() or (self._folder.exists() and any(self._folder.iterdir())):
                raise
            self._create(DEFAULT_MODEL if model is None else model)
        else:
            self._open(model)

    def _create(self, given: str | Path | TermModel) -> None:
        model = rarefy.load(given, cache=False) if isinstance(given, str | Path) else given
        name = str(given) if isinstance(given, str | Path) else model.name
        with Writer(self._folder, vocabulary_size=model.vocabulary_size):
            pass
        origin = Origin.of(model, name, self._folder)
        origin.save(self._folder)
        self._model: TermModel | None = model
        self._terms: Sequence[str] | None = origin.terms
        self._index = Index.open(self._folder)

    def _open(self, model: str | Path | TermModel | None) -> None:
        origin = Origin.open(self._folder) if Origin.has_terms(self._folder) else None
        known = origin is not None and origin.model is not None
        self._terms = None if origin is None else origin.terms
        if model is None:
            self._model = origin.load(cache=False) if origin is not None and known else None
            return
        if isinstance(model, str | Path):
            if origin is not None and origin.model == str(model):
                model = origin.load(cache=False)
            else:
                model = rarefy.load(model, cache=False)
        if origin is not None and known and model.fingerprint != origin.fingerprint:
            raise InputError(
                f"{self._folder} was made by {origin.model} ({origin.fingerprint}), the model "
                f"given is {model.name} ({model.fingerprint}): leave the model out"
            )
        if model.vocabulary_size != self._index.vocabulary_size:
            raise InputError(
                f"{model.name} gives vectors of {model.vocabulary_size} columns, {self._folder} "
                f"has {self._index.vocabulary_size}: name the model that made the index"
            )
        self._model, self._terms = model, model.vocabulary.terms

    @property
    def index(self) -> Index:
        """The index as it is now; it does not change when the folder does."""
        return self._index

    @property
    def model(self) -> TermModel | None:
        """What encodes texts; None if the index was built from vectors and no model was named."""
        return self._model

    @property
    def terms(self) -> Sequence[str] | None:
        """One name a column; None if the index was built from vectors without names."""
        return self._terms

    def add(
        self,
        texts: Sequence[str],
        metadata: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]] | None = None,
        *,
        ids: Sequence[str] | None = None,
        commit: bool = True,
    ) -> list[str]:
        """Add documents; those whose ids are there already are replaced.

        Parameters
        ----------
        texts
            One text a document, which is kept in the field ``text`` too.
        metadata
            A mapping from field to one value a document, or one mapping a document; what filters
            ask for and hits return. See `Index.build`.
        ids
            One unique string a document; by default new ones are made.
        commit
            Whether to commit this change, and those that wait.

        Returns
        -------
        list of str
            The ids.

        Raises
        ------
        InputTypeError
            If a text or an id is no string, or a field has values of another type than before.
        InputError
            If there are more or fewer ids or values than texts, ids are not unique, a field is
            named ``text``, the index has no model, or another process is changing it.
        """
        texts = checked(texts)
        names = document_ids([uuid.uuid4().hex for _ in texts] if ids is None else ids, len(texts))
        if not texts:
            return []
        fields = with_texts(texts, metadata)
        parts = [
            self._encoded(texts[start : start + BLOCK], "document")
            for start in range(0, len(texts), BLOCK)
        ]
        self.add_vectors(names, scipy.sparse.vstack(parts, format="csr"), fields, commit=commit)
        return names

    def add_vectors(
        self, ids: Sequence[str], vectors: Any, metadata: Any = None, *, commit: bool = True
    ) -> None:
        """Add documents that are encoded already; those whose ids are there are replaced.

        Parameters
        ----------
        ids, vectors, metadata
            As `Writer.upsert` takes them.
        commit
            Whether to commit this change, and those that wait.

        Raises
        ------
        InputTypeError, InputError
            As `Writer.upsert` does.
        """
        with self._changing:
            self._open_writer().upsert(ids, vectors, metadata)
            if commit:
                self.commit()

    def delete(self, ids: Sequence[str], *, commit: bool = True) -> int:
        """Delete documents; return how many of the ids were there.

        Parameters
        ----------
        ids
            Their ids.
        commit
            Whether to commit this change, and those that wait.

        Raises
        ------
        InputTypeError
            If an id is no string, or ids is itself one string.
        InputError
            If another process is changing the index.
        """
        with self._changing:
            found = self._open_writer().delete(ids)
            if commit:
                self.commit()
            return found

    def commit(self) -> None:
        """Make the changes that wait part of the index: all of them or, if this fails, none."""
        with self._changing:
            if self._writer is not None:
                try:
                    self._writer.commit()
                finally:  # an error of a merge is raised when the commit is done
                    self.refresh()

    def rollback(self) -> None:
        """Forget the changes that wait."""
        with self._changing:
            if self._writer is not None:
                self._writer.rollback()

    def refresh(self) -> bool:
        """Move to the newest commit of the folder; return whether there was a newer one."""
        with self._changing:
            index = copy.copy(self._index)  # searches that are running keep theirs
            moved = index.refresh()
            self._index = index
            return moved

    def encode_queries(self, texts: Sequence[str]) -> Any:
        """Return the vectors of queries, scipy CSR float32 [n, vocabulary], for `search`.

        Raises
        ------
        InputError
            If the index has no model.
        """
        return self._encoded(checked(texts), "query")

    def search(
        self,
        query: Any,
        k: int = 10,
        *,
        filter: Any = None,
        recall: float | None = None,
        explain: bool = False,
        fields: Sequence[str] | None = None,
    ) -> list[Hit]:
        """Return the best documents for a query, best first.

        Parameters
        ----------
        query
            A text, or one row of vectors of the index's model.
        k
            How many documents at most, at least 1.
        filter, recall
            As `Index.search` takes them.
        explain
            Whether hits say why they were found: `Hit.terms` and `Hit.highlights`.
        fields
            What to return of the metadata, ``text`` among it; by default all.

        Raises
        ------
        InputTypeError, InputError
            As `Index.search` does, and if a text is empty or the index has no model.
        """
        if isinstance(query, str):
            if not query.strip():
                raise InputError(f"the query is {query!r}; expected words to search for")
            query = self.encode_queries([query])
        options = {"k": k, "filter": filter, "recall": recall, "fields": fields}
        found = self._hits(query, explain, **options)
        if len(found) != 1:
            raise InputError(f"the query has {len(found)} rows; expected 1: search_many takes more")
        return found[0]

    def search_many(
        self,
        queries: Any,
        k: int = 10,
        *,
        filter: Any = None,
        recall: float | None = None,
        explain: bool = False,
        fields: Sequence[str] | None = None,
        threads: int = 1,
    ) -> list[list[Hit]]:
        """Return the best documents for each of several queries.

        Parameters
        ----------
        queries
            Texts, or a matrix of vectors of the index's model.
        k, filter, recall, explain, fields
            As for `search`.
        threads
            How many threads share the queries.

        Raises
        ------
        InputTypeError, InputError
            As `search` does.
        """
        if not scipy.sparse.issparse(queries):
            queries = self.encode_queries(queries)
        options = {"k": k, "filter": filter, "recall": recall, "fields": fields}
        return self._hits(queries, explain, threads=threads, **options)

    async def aadd(
        self,
        texts: Sequence[str],
        metadata: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]] | None = None,
        *,
        ids: Sequence[str] | None = None,
        commit: bool = True,
    ) -> list[str]:
        """Add documents without holding up the event loop; see `add`."""
        return await asyncio.to_thread(self.add, texts, metadata, ids=ids, commit=commit)

    async def adelete(self, ids: Sequence[str], *, commit: bool = True) -> int:
        """Delete documents without holding up the event loop; see `delete`."""
        return await asyncio.to_thread(self.delete, ids, commit=commit)

    async def asearch(self, query: Any, k: int = 10, **options: Any) -> list[Hit]:
        """Search without holding up the event loop; see `search`, whose options it takes."""
        return await asyncio.to_thread(self.search, query, k, **options)

    def close(self) -> None:
        """Forget the changes that wait, and let other processes change the folder."""
        with self._changing:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.close()

    def __len__(self) -> int:
        return len(self._index)

    def _open_writer(self) -> Writer:
        if self._writer is None:
            self._writer = Writer(self._folder)
            self.refresh()  # others may have changed it until now
        return self._writer

    def _encoded(self, texts: list[str], role: str) -> Any:
        model = self._model
        if model is None:
            raise InputError(
                f"{self._folder} was built from vectors alone, so no model is known that encodes a "
                f"text: pass model=..., or vectors"
            )
        with self._encoding:
            return model.encode_queries(texts) if role == "query" else model.encode_documents(texts)

    def _hits(self, queries: Any, explain: bool, **options: Any) -> list[list[Hit]]:
        index = self._index  # one state of the folder for all that follows
        wanted = options.pop("fields")
        found = index.search(queries, **options)
        reasons = Reasons(index, self._terms, self._spans) if explain else None
        return answers(index, queries, found, wanted, reasons)

    def _spans(self, text: str) -> Sequence[tuple[int, int, int]]:
        if self._model is None:
            return []
        with self._encoding:
            return self._model.spans(text)
