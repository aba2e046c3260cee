"""An index on disk, the model that made it, and changes to it: all that an application needs."""

from __future__ import annotations

import asyncio
import copy
import logging
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Self, Unpack

import scipy.sparse

from rarefy.errors import DamagedIndexError, InputError
from rarefy.index import Index, Writer
from rarefy.index.merges import is_of_merge
from rarefy.index.vectors import document_ids
from rarefy.search.answers import Reasons, answers, end_of, heaviest
from rarefy.search.encoder import Encoder
from rarefy.search.fields import with_texts
from rarefy.search.hit import Hit
from rarefy.search.options import Options
from rarefy.sparse.texts import checked

if TYPE_CHECKING:
    from rarefy.sparse import TermModel

__all__ = ["Search"]

log = logging.getLogger("rarefy.search")

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
        What `rarefy.load` takes, or a model; by default what made the index, or ``"minilm-d2s"``.
        One that rests on statistics of a collection is fitted before, or takes general text's.

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
        self._changing = RLock()
        self._writer: Writer | None = None
        try:
            self._index = Index.open(self._folder)
        except InputError:
            if self._folder.is_file() or (self._folder.exists() and any(self._folder.iterdir())):
                raise
            self._encoder = Encoder.of_new(self._folder, DEFAULT_MODEL if model is None else model)
            self._index = Index.open(self._folder)
        else:
            self._encoder = Encoder.of(self._folder, model, self._index)

    @property
    def index(self) -> Index:
        """The index as it is now; it does not change when the folder does."""
        return self._index

    @property
    def model(self) -> TermModel | None:
        """What encodes texts; None if the index was built from vectors and no model was named."""
        return self._encoder.model

    @property
    def modes(self) -> tuple[str, ...]:
        """What queries can be compared by, the default first.

        ``("sparse",)``, or the parts of a model such as ``minilm-d2s+bm25+dense`` and
        ``"hybrid"``, their weighted sum; of `Towers`, which of them reads a query.
        """
        return self._encoder.modes

    def reader(self, mode: str | None = None) -> TermModel | None:
        """Return what reads queries in a mode: a tower, or the model; None if none is known."""
        return self._encoder.reader(mode)

    @property
    def terms(self) -> Sequence[str] | None:
        """One name a column; None if the index was built from vectors without names."""
        return self._encoder.terms

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
            self._encoder.encode(texts[start : start + BLOCK], "document")
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
        """Make the changes that wait part of the index: all of them or, if this fails, none.

        Segments that cannot be merged are no failure: changes are stored, the logger
        ``rarefy.search`` has a warning, and the next commit tries again.
        """
        with self._changing:
            if self._writer is None:
                return
            try:
                self._writer.commit()
            except (OSError, DamagedIndexError) as error:
                if not is_of_merge(error):
                    raise
                log.warning("%s: segments could not be merged: %s", self._folder, error)
            finally:  # a commit that failed may be seen all the same
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

    def encode_queries(self, texts: Sequence[str], mode: str | None = None) -> Any:
        """Return the vectors of queries, scipy CSR float32 [n, vocabulary], for `search`.

        They have all parts, of which `search` takes its ``mode``; of `Towers`, that one reads them.

        Raises
        ------
        InputError
            If the index has no model, or no such tower.
        """
        return self._encoder.encode(checked(texts), "query", mode)

    def search(self, query: Any, k: int = 10, **options: Unpack[Options]) -> list[Hit]:
        """Return the best documents for a query, best first.

        Parameters
        ----------
        query
            A text, or one row of vectors of the index's model.
        k
            How many documents at most, at least 1.
        options
            ``filter``, ``recall``, ``explain``, ``fields``, ``mode``, ``weights`` and ``timeout``:
            see `Options`.

        Raises
        ------
        InputTypeError, InputError
            As `Index.search` does, and if a text is empty or the index has no model.
        TimeoutError
            If it takes longer than ``timeout``.
        """
        if isinstance(query, str):
            if not query.strip():
                raise InputError(f"the query is {query!r}; expected words to search for")
            query = self._read([query], options)
        found = self._hits(query, k, **options)
        if len(found) != 1:
            raise InputError(f"the query has {len(found)} rows; expected 1: search_many takes more")
        return found[0]

    def search_many(
        self, queries: Any, k: int = 10, *, threads: int = 1, **options: Unpack[Options]
    ) -> list[list[Hit]]:
        """Return the best documents for each of several queries.

        Parameters
        ----------
        queries
            Texts, or a matrix of vectors of the index's model.
        threads
            How many threads share the queries.
        k, options
            As for `search`.

        Raises
        ------
        InputTypeError, InputError, TimeoutError
            As `search` does.
        """
        if not scipy.sparse.issparse(queries):
            queries = self._read(queries, options)
        return self._hits(queries, k, threads, **options)

    def query_terms(
        self,
        query: Any,
        k: int = 30,
        *,
        mode: str | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> list[tuple[str, float]]:
        """Return what a query weighs most.

        Parameters
        ----------
        query
            A text, or one row of vectors.
        k
            How many terms at most.
        mode, weights
            As `Options` has them.

        Returns
        -------
        list of (term, weight)
            Heaviest first, ties by column; the column's number where columns have no names.
        """
        if isinstance(query, str):
            mode = self.modes[0] if mode is None else mode
            query = self.encode_queries([query], mode)
        row = self._encoder.mixed(self._index, query, mode, weights)[0]
        return heaviest(self._index, row, k, self.terms, self._encoder.named_columns)

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

    async def asearch(self, query: Any, k: int = 10, **options: Unpack[Options]) -> list[Hit]:
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

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.close()

    def __len__(self) -> int:
        return len(self._index)

    def _read(self, texts: Sequence[str], options: Options) -> Any:
        if options.get("mode") is None:
            options["mode"] = self.modes[0]
        return self.encode_queries(texts, options["mode"])

    def _open_writer(self) -> Writer:
        if self._writer is None:
            self._writer = Writer(self._folder)
            self.refresh()  # others may have changed it until now
        return self._writer

    def _hits(
        self,
        queries: Any,
        k: int,
        threads: int = 1,
        *,
        explain: bool = False,
        fields: Sequence[str] | None = None,
        mode: str | None = None,
        weights: Mapping[str, float] | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> list[list[Hit]]:
        deadline = end_of(timeout)
        index, encoder = self._index, self._encoder  # one state of the folder for what follows
        if isinstance(k, int) and k > 1:
            k = min(k, max(len(index), 1))  # places without documents would take memory
        rows, found = encoder.search(
            index, queries, k, threads=threads, mode=mode, weights=weights, **options
        )
        reasons = None
        if explain:
            reasons = Reasons(index, encoder.terms, encoder.spans, encoder.named_columns)
        return answers(index, rows, found, fields, reasons, deadline)
