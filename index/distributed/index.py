"""The index of several machines: shards searched as one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial as bound
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import DeadlineError, InputError, UnavailableError
from rarefy.index.arguments import check_count, check_recall
from rarefy.index.distributed.answers import PartialHits, concatenated
from rarefy.index.distributed.building import build
from rarefy.index.distributed.commits import newest
from rarefy.index.distributed.deadlines import DEADLINE, STARTING, until
from rarefy.index.distributed.fleet import Fleet
from rarefy.index.distributed.storage import storage_at
from rarefy.index.distributed.view import View
from rarefy.index.hits import Hits
from rarefy.index.vectors import Vectors, canonical

__all__ = ["DistributedIndex"]

BATCH = 512
"""Queries that are sent to a shard at once, at most."""


class DistributedIndex:
    """An index whose documents are in several shards, each in processes of Ray's.

    The results are those of one `Index` of all documents, to the bit and in the same order. What
    it has open is one commit of all shards, until `refresh`. Safe to share between threads. Its
    processes run until `close`, or until this process ends. Where Ray is not running, it is started
    on this machine alone: see ``ray.init``.

    Parameters
    ----------
    storage
        Where `build` or a `DistributedWriter` wrote it: a folder that all nodes see, or a URL.
    replicas
        Processes a shard, on different nodes where there are enough: with two, the loss of one
        fails no query.
    verify
        Whether each process reads all bytes of its shard once and compares them with what was
        written.
    scratch
        Where nodes keep copies of files: a folder of each node's disk. By default one in the
        system's temporary folder.

    Raises
    ------
    InputError
        If there is no distributed index, or replicas is below 1.
    DamagedIndexError
        If it is not what was written.
    UnavailableError
        If shards cannot be served.
    MissingExtraError
        If Ray is not installed.
    """

    def __init__(
        self,
        storage: str | Path,
        *,
        replicas: int = 1,
        verify: bool = True,
        scratch: str | None = None,
    ) -> None:
        check_count("replicas", replicas)
        self._storage = storage_at(storage)
        newest(self._storage)  # before processes are started
        self._fleet = Fleet(self._storage, int(replicas), scratch, verify)
        self._refreshing = Lock()
        self._width = 4 * int(replicas)
        self._pool = ThreadPoolExecutor(self._width, "rarefy-search")
        try:
            self._go_to_newest(until(STARTING))
        except BaseException:
            self.close()
            raise

    @classmethod
    def build(
        cls,
        vectors: Any,
        ids: Sequence[str] | None = None,
        *,
        storage: str | Path,
        shards: int,
        replicas: int = 1,
        calibration_queries: Any = None,
        metadata: Any = None,
        scratch: str | None = None,
    ) -> DistributedIndex:
        """Build shards over documents in processes on all nodes, and open them.

        An index that the storage holds already is replaced in one step.

        Parameters
        ----------
        vectors, ids, calibration_queries, metadata
            As `Index.build` has them; each shard is calibrated by its own documents.
        storage
            A folder that all nodes see, or a URL that fsspec knows.
        shards
            How many; documents are dealt evenly, neighbours together.
        replicas, scratch
            As for the class.

        Raises
        ------
        InputTypeError, InputError, MissingExtraError
            As `Index.build` does, and if shards or replicas is below 1.
        """
        check_count("shards", shards)
        check_count("replicas", replicas)
        build(
            storage_at(storage), vectors, ids, int(shards), calibration_queries, metadata, scratch
        )
        return cls(storage, replicas=replicas, scratch=scratch)

    def search(
        self,
        queries: Any,
        k: int = 10,
        *,
        recall: float | None = None,
        filter: Any = None,
        threads: int = 1,
        deadline: float = DEADLINE,
        partial: bool = False,
    ) -> Hits | PartialHits:
        """Return the k documents with the highest dot product for each query.

        A replica that is lost, or slow, costs time and no query: another one is asked.

        Parameters
        ----------
        queries, k, recall, filter
            As `Index.search` has them. Each shard keeps the promise about recall by itself.
        threads
            How many threads share the queries in each shard.
        deadline
            Seconds that it may take.
        partial
            Whether to return, at the deadline, what was found in the shards that have answered.

        Returns
        -------
        Hits, or PartialHits if `partial`

        Raises
        ------
        InputTypeError, InputError
            As `Index.search` does.
        DeadlineError
            If a shard has not answered by the deadline, and `partial` is false.
        UnavailableError
            If the commit that is open has gone from the storage, and with all that had it open.
        """
        check_count("k", k)
        check_count("threads", threads)
        check_recall(recall)
        last = until(deadline)
        self._fleet.check_open()
        while True:
            view = self._view
            vectors = canonical(queries, width=view.commit.vocabulary_size, what="query vectors")
            try:
                allowed = view.allowed(filter, last)
                settings = int(k), recall, allowed, int(threads), last
                return self._found(view, vectors, partial, *settings)
            except DeadlineError:
                raise
            except UnavailableError:
                if self._view is view:
                    raise  # otherwise there was a refresh, and shards have gone

    def _found(
        self, view: View, vectors: Vectors, partial: bool, *settings: Any
    ) -> Hits | PartialHits:
        """Search so many queries at once that all replicas have work."""

        def run(piece: Vectors) -> tuple[Hits, list[str]]:
            return view.search(piece, *settings, partial=partial)

        starts = range(0, max(len(vectors), 1), BATCH)
        pieces = [vectors.between(start, start + BATCH) for start in starts]
        found = list(self._pool.map(run, pieces)) if len(pieces) > 1 else [run(pieces[0])]
        hits = concatenated([hits for hits, _ in found])
        missing = {name for _, names in found for name in names}
        return PartialHits(*hits, tuple(sorted(missing))) if partial else hits

    def search_many(
        self,
        batches: Iterable[Any],
        k: int = 10,
        *,
        recall: float | None = None,
        filter: Any = None,
        threads: int = 1,
        deadline: float = DEADLINE,
    ) -> Iterator[Hits]:
        """Search batch after batch: a few ahead of those whose results are taken, and no more.

        Parameters
        ----------
        batches
            Queries of each, as `search` has them; read when they are needed.
        k, recall, filter, threads
            As `search` has them.
        deadline
            Seconds that each batch may take.

        Yields
        ------
        Hits
            Of each batch, in their order.

        Raises
        ------
        InputTypeError, InputError, DeadlineError, UnavailableError
            As `search` does.
        """
        run = bound(
            self.search, k=k, recall=recall, filter=filter, threads=threads, deadline=deadline
        )
        ahead: deque[Future[Any]] = deque()
        with ThreadPoolExecutor(self._width, "rarefy-batches") as pool:
            for queries in batches:
                ahead.append(pool.submit(run, queries))
                if len(ahead) > self._width:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def mask(self, filter: Any) -> npt.NDArray[np.bool_]:
        """Return the documents that a filter keeps, bool[n] by row; see `Index.mask`."""
        return self._view.mask(filter, until(DEADLINE))

    def metadata(
        self, ids: Iterable[str | None], fields: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """Return what the index holds of documents beside their vectors; see `Index.metadata`."""
        return self._view.records(ids, fields, until(DEADLINE))

    def explain(self, query: Any, id: str) -> list[tuple[int, float]]:
        """Return what each shared term adds to a document's score; see `Index.explain`."""
        if len(vectors := canonical(query, width=self.vocabulary_size, what="query vectors")) != 1:
            raise InputError(f"explain takes one query, got {len(vectors)}: pass one row")
        return self._view.explain(query, id, until(DEADLINE))

    def row_of(self, id: str) -> int:
        """Return the insertion row of a document; see `Index.row_of`."""
        view = self._view
        row = int(view.rows_of([id], until(DEADLINE))[0])
        if row < 0:
            raise view.unknown(id)
        return row

    def refresh(self, deadline: float = STARTING) -> bool:
        """Move to the newest commit of the storage, in all shards at once.

        Searches that are running end on the commit that they began with. Where replicas could not
        be made, that is tried again.

        Parameters
        ----------
        deadline
            Seconds that it may take.

        Returns
        -------
        bool
            Whether there was a newer commit.

        Raises
        ------
        DeadlineError
            If a shard has not opened it in time; the commit of before stays open.
        DamagedIndexError
            If it is not what was written.
        """
        self._fleet.check_open()
        with self._refreshing:
            before = self._view
            if newest(self._storage).generation == before.commit.generation:
                self._fleet.retry()
                return False
            self._go_to_newest(until(deadline))
            return True

    def verify(self) -> None:
        """Check every byte of the commit that is open, in the storage.

        Raises
        ------
        DamagedIndexError
            If it is not what was written.
        """
        self._view.ask("verify", until(STARTING))

    def close(self) -> None:
        """End the processes; searches that wait for one fail."""
        self._fleet.close()
        self._pool.shutdown(wait=False)

    @property
    def ids(self) -> list[str]:
        """The documents' ids, by row."""
        return self._view.names(until(DEADLINE))

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the metadata and their types, such as ``{"year": "int"}``."""
        return self._view.commit.fields

    @property
    def vocabulary_size(self) -> int:
        """How many columns vectors have."""
        return self._view.commit.vocabulary_size

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays that search reads, of one replica a shard."""
        return sum(self._view.ask("nbytes", until(DEADLINE)))

    @property
    def shards(self) -> dict[str, int]:
        """The shards by name, and how many documents each has."""
        return self._view.commit.sizes

    @property
    def nodes(self) -> dict[str, list[str]]:
        """The shards that each node serves, by the node's id."""
        return self._fleet.nodes()

    @property
    def strong(self) -> bool:
        """Whether every shard has all its replicas, and none is moving."""
        return self._fleet.strong()

    def drain(self, nodes: Sequence[str]) -> None:
        """Move what these nodes serve to others, so that they can be removed; return at once.

        Parameters
        ----------
        nodes
            Ids; none to use all nodes again. `nodes` says when they serve nothing.
        """
        self._fleet.drain(nodes)

    def __len__(self) -> int:
        return len(self._view)

    def __enter__(self) -> DistributedIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        shards = len(self._view.commit.shards)
        return (
            f"<DistributedIndex of {len(self)} documents in {shards} shards, "
            f"vocabulary {self.vocabulary_size}>"
        )

    def _go_to_newest(self, last: float) -> None:
        """Open the newest commit, once every shard can answer for it."""
        while True:
            commit = newest(self._storage)
            try:
                self._fleet.serve(commit.shards, last)
            except UnavailableError:
                if newest(self._storage).generation == commit.generation:
                    raise  # otherwise files may have gone since the commit was read
                continue
            self._view = View(self._fleet, commit)  # before shards go that it does not have
            self._fleet.keep([entry.name for entry in commit.shards])
            return
