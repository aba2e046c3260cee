"""Searches of the service: texts are encoded in batches, everything else runs in threads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse

from rarefy.search import Hit, Search
from rarefy.serve.batching import Batches
from rarefy.serve.bodies import Options, Queries, Query, Vector
from rarefy.serve.limits import Limits
from rarefy.serve.problems import Problem
from rarefy.sparse.encoders.pictures import is_data_url

__all__ = ["Searches", "check_picture", "encoded", "sparse_rows"]

QUICK = 0.0005
"""Seconds. A search that takes less is not worth the way to another thread and back, which costs
0.1 ms and more: those of ids and scores alone run where requests are read while they are quick."""
BARE_K = 100


Asked: TypeAlias = tuple[str, str]
"""A text and a mode."""


class Searches:
    """What `/search` and `/search/batch` do.

    Parameters
    ----------
    search
        What is searched.
    batches
        What encodes queries.
    threads
        Where searches run.
    limits
        How much may be asked.
    """

    def __init__(
        self, search: Search, batches: Batches[Asked], threads: Executor, limits: Limits
    ) -> None:
        self._search = search
        self._batches = batches
        self._threads = threads
        self._limits = limits
        self._typical = 1.0  # seconds of late

    async def one(self, query: Query) -> dict[str, Any]:
        """Answer one query."""
        self._check(query)
        return await self._answer(query, query)

    async def several(self, queries: Queries) -> dict[str, Any]:
        """Answer several queries with the same options."""
        if len(queries.queries) > self._limits.queries:
            raise Problem(
                422, f"{len(queries.queries)} queries, at most {self._limits.queries}: send fewer"
            )
        self._check(queries)
        found = await asyncio.gather(*(self._answer(each, queries) for each in queries.queries))
        return {"answers": found}

    async def probe(self) -> None:
        """Search for nothing; raises a Problem if that fails."""
        width = self._search.index.vocabulary_size
        row = scipy.sparse.csr_array((1, width), dtype=np.float32)
        try:
            await self._run(row, Options(k=1, fields=[]), None)
        except Exception as error:
            raise Problem(503, f"no search can be answered: {type(error).__name__}") from error

    async def _answer(self, query: Any, options: Options) -> dict[str, Any]:
        began = time.perf_counter()
        mode = options.mode
        if query.vector is not None:
            row = sparse_rows([query.vector], self._search, self._limits)
        else:
            mode = self._search.modes[0] if mode is None else mode
            row = await self._encoded(query.text, mode)
        encoded = time.perf_counter()
        hits = await self._run(row, options, mode)
        ended = time.perf_counter()
        answer: dict[str, Any] = {
            "hits": [_plain(hit, options.explain) for hit in hits],
            "milliseconds": {
                "encode": round((encoded - began) * 1e3, 3),
                "search": round((ended - encoded) * 1e3, 3),
            },
        }
        if options.explain:
            terms = partial(self._search.query_terms, row, mode=mode, weights=options.weights)
            answer["terms"] = await asyncio.get_running_loop().run_in_executor(self._threads, terms)
        return answer

    async def _encoded(self, text: str, mode: str) -> Any:
        reader = self._search.reader(mode)
        if reader is None:
            raise Problem(409, "the index was built from vectors and has no model: send a vector")
        if not text.strip():
            raise Problem(422, "the text is empty: send words to search for")
        most = self._limits.text_characters
        if "query" in reader.pictured:
            check_picture(text)
            most = self._limits.picture_characters
        if len(text) > most:
            raise Problem(422, f"the text has {len(text)} characters, at most {most}: send less")
        return await self._batches.vector((text, mode))

    async def _run(self, row: Any, options: Options, mode: str | None) -> list[Hit]:
        def timed() -> list[Hit]:
            began = time.perf_counter()
            hits = self._search.search(
                row,
                options.k,
                filter=options.filter,
                recall=options.recall,
                explain=options.explain,
                fields=options.fields,
                mode=mode,
                weights=options.weights,
                timeout=self._limits.read_seconds,
            )
            if bare:
                self._typical += (time.perf_counter() - began - self._typical) * 0.1
            return hits

        modes = self._search.modes
        bare = (
            options.fields == []
            and options.filter is None
            and not options.explain
            and options.k <= BARE_K
            and (mode == modes[0] or len(modes) == 1)
        )
        if bare and self._typical < QUICK:
            return timed()
        return await asyncio.get_running_loop().run_in_executor(self._threads, timed)

    def _check(self, options: Options) -> None:
        limits = self._limits
        if options.k > limits.k:
            raise Problem(422, f"k is {options.k}, at most {limits.k}: ask for fewer")
        if options.filter is not None and len(options.filter) > limits.filter_characters:
            raise Problem(
                422,
                f"the filter has {len(options.filter)} characters, at most "
                f"{limits.filter_characters}: simplify it",
            )


def encoded(search: Search, asked: Sequence[Asked]) -> Any:
    """Return the vectors of queries, scipy CSR [n, vocabulary], each as its mode's reader has it.

    Parameters
    ----------
    search
        What is searched.
    asked
        Texts and their modes.
    """
    # Modes of one reader are encoded together: those of towers have one each, others the same.
    places: dict[int, list[int]] = {}
    for place, (_, mode) in enumerate(asked):
        places.setdefault(id(search.reader(mode)), []).append(place)
    rows = [
        search.encode_queries([asked[place][0] for place in own], asked[own[0]][1])
        for own in places.values()
    ]
    order = np.argsort([place for own in places.values() for place in own])
    return scipy.sparse.vstack(rows, format="csr")[order]


def check_picture(text: str) -> None:
    """Refuse what would name a file of this machine.

    Raises
    ------
    Problem
        If it is no data URL.
    """
    if not is_data_url(text):
        raise Problem(
            409,
            "the model reads pictures, and no path is opened here: send data:image/png;base64,... "
            "or a vector",
        )


def sparse_rows(vectors: list[Vector], search: Search, limits: Limits) -> Any:
    """Return vectors as scipy CSR float32 [n, vocabulary].

    Raises
    ------
    Problem
        If one has too many entries, or a column that the vocabulary has not.
    """
    width = search.index.vocabulary_size
    for vector in vectors:
        if len(vector.columns) > limits.vector_entries:
            raise Problem(
                422,
                f"a vector has {len(vector.columns)} entries, at most {limits.vector_entries}: "
                f"leave the lightest out",
            )
        if max(vector.columns, default=-1) >= width:
            raise Problem(
                422,
                f"a vector has the column {max(vector.columns)}, the vocabulary has {width}: "
                f"encode with the index's model",
            )
    # Where 32 bits are enough, scipy need not look whether they would be.
    integers = np.int32 if width < 2**31 else np.int64
    ends = accumulate((len(vector.columns) for vector in vectors), initial=0)
    indptr = np.array([*ends], integers)
    indices = np.array([c for vector in vectors for c in vector.columns], integers)
    data = np.array([w for vector in vectors for w in vector.weights], np.float32)
    return scipy.sparse.csr_array((data, indices, indptr), shape=(len(vectors), width))


def _plain(hit: Hit, explained: bool) -> dict[str, Any]:
    """Return a hit without what it does not have."""
    plain: dict[str, Any] = {"id": hit.id, "score": hit.score}
    if hit.text is not None:
        plain["text"] = hit.text
    if hit.metadata:
        plain["metadata"] = hit.metadata
    if explained:
        plain["terms"], plain["highlights"] = hit.terms, hit.highlights
    return plain
