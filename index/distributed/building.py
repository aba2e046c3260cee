"""Shards built over documents that are in memory, in processes on all nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from rarefy.errors import UnavailableError, require
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

__all__ = ["build", "built", "columns_between", "stored"]


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
    ends = np.linspace(0, len(documents), shards + 1).astype(np.int64).tolist()
    arguments = [
        (
            storage, documents.between(start, end), names[start:end],
            columns_between(fields, start, end), given, scratch,
        )
        for start, end in pairwise(ends)
    ]  # fmt: skip
    entries = built(_build_shard, arguments)
    generation = max(generations(storage), default=0) + 1
    deal = Deal(range(shards), np.diff(ends))
    publish(storage, Commit(generation, documents.width, tuple(entries), deal))
    sweep(storage)


def built(
    build_shard: Callable[..., ShardEntry], arguments: Sequence[tuple[Any, ...]]
) -> list[ShardEntry]:
    """Build a shard of each of several arguments, in processes on all nodes.

    Raises
    ------
    UnavailableError
        If processes are lost again and again.
    """
    ray = require("ray", "ray")
    task = ray.remote(build_shard).options(num_cpus=1, scheduling_strategy="SPREAD", max_retries=3)
    try:
        return list(ray.get([task.remote(*each) for each in arguments]))
    except ray.exceptions.RayTaskError as error:
        raise cause(error) from None
    except ray.exceptions.RayError as error:
        raise UnavailableError(f"shards could not be built ({error}): see `ray status`") from error


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
    given = None if calibration_queries is None else calibration_queries.copied()
    return stored(storage, vectors.copied(), Ids.of(ids), known, given, scratch)


def stored(
    storage: Storage,
    vectors: Vectors,
    ids: Ids,
    metadata: Metadata | None,
    calibration_queries: Vectors | None,
    scratch: str | None,
) -> ShardEntry:
    """Store documents as a new shard, calibrated by its own where there are no queries."""
    part = Part(laid_out(vectors, ids, metadata))
    part.calibrate(calibration_queries)
    space = Workspace(scratch)
    try:
        folder = space.folder("shard")
        replace(folder, part.segment._replace(table=part.table))
        return store(storage, fresh_shard(), folder, {} if metadata is None else metadata.types)
    finally:
        space.close()
