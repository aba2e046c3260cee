"""Shards built over documents that are in memory, in processes on all nodes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from rarefy.errors import require
from rarefy.index.distributed.claim import claim
from rarefy.index.distributed.commits import (
    Commit,
    ShardEntry,
    fresh_shard,
    generations,
    publish,
    sweep,
)
from rarefy.index.distributed.copies import store
from rarefy.index.distributed.deal import Deal
from rarefy.index.distributed.fleet import cause
from rarefy.index.distributed.storage import Storage
from rarefy.index.distributed.workspace import Workspace
from rarefy.index.merging import laid_out
from rarefy.index.metadata import Metadata
from rarefy.index.part import Part
from rarefy.index.storage.folder import replace
from rarefy.index.storage.ids import Ids
from rarefy.index.vectors import Vectors, canonical, document_ids

__all__ = ["build", "columns_between"]


def build(
    storage: Storage,
    vectors: Any,
    ids: Sequence[str] | None,
    shards: int,
    calibration_queries: Any,
    metadata: Any,
    scratch: str | None,
) -> None:
    """Build shards of neighbouring documents, and commit them as all that a storage holds.

    Parameters
    ----------
    storage
        Where.
    vectors, ids, calibration_queries, metadata
        As `Index.build` has them.
    shards
        How many.
    scratch
        See `Workspace`.

    Raises
    ------
    InputTypeError, InputError, MissingExtraError
        As `Index.build` does.
    """
    documents = canonical(vectors, what="document vectors")
    names = document_ids(ids, len(documents))
    fields = None if metadata is None else Metadata.of(metadata, len(documents))
    given = None
    if calibration_queries is not None:
        given = canonical(calibration_queries, width=documents.width, what="calibration queries")
    release = claim(storage)
    try:
        _build(storage, documents, names, fields, given, shards, scratch)
    finally:
        release()


def columns_between(fields: Metadata | None, start: int, end: int) -> dict[str, Any] | None:
    """Return the columns of rows of metadata, None if there is none."""
    piece = Metadata.joined([(fields, np.arange(start, end))])
    return None if piece is None else piece.columns


def _build(
    storage: Storage,
    documents: Vectors,
    names: list[str],
    fields: Metadata | None,
    given: Vectors | None,
    shards: int,
    scratch: str | None,
) -> None:
    """Build as the only writer, of what is checked."""
    ray = require("ray", "ray")
    ends = np.linspace(0, len(documents), shards + 1).astype(np.int64).tolist()
    task = ray.remote(_build_shard).options(num_cpus=1, scheduling_strategy="SPREAD", max_retries=3)
    calls = [
        task.remote(
            storage, documents.between(start, end), names[start:end],
            columns_between(fields, start, end), given, scratch,
        )
        for start, end in pairwise(ends)
    ]  # fmt: skip
    try:
        entries = ray.get(calls)
    except ray.exceptions.RayTaskError as error:
        raise cause(error) from None
    generation = max(generations(storage), default=0) + 1
    deal = Deal(range(shards), np.diff(ends))
    publish(storage, Commit(generation, documents.width, tuple(entries), deal))
    sweep(storage)


def _build_shard(
    storage: Storage,
    vectors: Vectors,
    ids: list[str],
    columns: dict[str, Any] | None,
    calibration_queries: Vectors | None,
    scratch: str | None,
) -> ShardEntry:
    """Build one shard and store it, under a name of its own each time it is tried."""
    known = None if columns is None else Metadata.of(columns, len(ids))
    part = Part(laid_out(vectors.copied(), Ids.of(ids), known))
    part.calibrate(None if calibration_queries is None else calibration_queries.copied())
    space = Workspace(scratch)
    try:
        folder = space.folder("shard")
        replace(folder, part.segment._replace(table=part.table))
        return store(storage, fresh_shard(), folder, {} if known is None else known.types)
    finally:
        space.close()
