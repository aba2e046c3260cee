"""A build from its plan to its commit, which a process that comes later can go on with."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import rarefy
from rarefy.errors import InputError, InputTypeError, require
from rarefy.index.arguments import check_count
from rarefy.index.distributed import commits
from rarefy.index.distributed.claim import claim
from rarefy.index.distributed.deal import Deal
from rarefy.index.distributed.storage import PARTIAL, storage_at
from rarefy.index.storage import manifest
from rarefy.index.storage.files import Files
from rarefy.index.storage.lock import LOCK, FolderLock
from rarefy.index.storage.manifest import Manifest, check_target
from rarefy.offline.flow import Workers
from rarefy.offline.job import Job
from rarefy.offline.planning import planned
from rarefy.offline.source import Source
from rarefy.offline.work import encode, lay_out, made
from rarefy.sparse.registry import NAMES, split_name
from rarefy.sparse.texts import progress_bar

__all__ = ["Built", "build"]

log = logging.getLogger("rarefy.offline")

DEFAULT_MODEL = "minilm-d2s"


class Built(NamedTuple):
    """What a build has come to.

    Attributes
    ----------
    documents : int
    pieces : int
        Segments, or shards.
    found : int
        Documents that an earlier run of the same build had encoded.
    """

    documents: int
    pieces: int
    found: int


def build(
    source: str | Path,
    out: str | Path,
    *,
    model: str | Path = DEFAULT_MODEL,
    shards: int | None = None,
    fields: Sequence[str] = (),
    workers: int | None = None,
    cpus: int = 1,
    gpus: float | None = None,
    slice_documents: int = 4096,
    segment_documents: int = 2**20,
    fit_documents: int = 4096,
    work: str | Path | None = None,
    progress: bool = False,
) -> Built:
    """Encode a source and build an index of it, in processes on all nodes of Ray's.

    When a process or a node is lost, what it was at is done again elsewhere. When this process
    ends before it is done, the same call goes on. The index has the same bytes in the end, whatever
    the number of workers and whatever was lost, on processors of one kind.

    Parameters
    ----------
    source
        What all nodes see under this path: JSON lines as in BEIR (``.jsonl``, ``.jsonl.gz``, or a
        folder with ``corpus.jsonl``), Parquet (a file, or a folder), or vectors (what
        ``rarefy encode`` writes, or a folder of such).
    out
        The new folder of an index; with `shards`, where a `DistributedIndex` has its storage.
    model
        What `rarefy.load` takes, or the folder of an index or of vectors, for the model that made
        them. Vectors bring their own.
    shards
        How many; None for an ordinary index.
    fields
        Names of what is kept as metadata: keys or columns of the source, or of what it has under
        ``metadata``.
    workers
        How many tasks run at once; by default as many as the nodes have processors for.
    cpus, gpus
        What a task takes of Ray's. A model computes in so many threads; by default it has a GPU if
        any node has one.
    slice_documents
        Documents that are encoded by one task, and what is lost with a process at most. Vectors
        are not cut further than they are.
    segment_documents
        Documents of a segment, at most: what bounds the memory of one task. Not for shards.
    fit_documents
        Where the model is to be fitted to a collection: how many documents, taken evenly, it is
        fitted to.
    work
        A folder that all nodes see, in which the build has its own, ``<name of out>.building``,
        until it is done; by default that of `out`.
    progress
        Whether to show progress bars on stderr.

    Returns
    -------
    Built

    Raises
    ------
    InputTypeError, InputError
        If the source is broken, an id occurs twice, or a field has values of several types; the
        message names the place. If the source, the model or a setting is another than the build
        began with, `out` holds something, or another process is at the same build.
    UnavailableError
        If a task is lost again and again.
    MissingExtraError
        If Ray, or what the model or the source needs, is not installed.
    """
    counts = {"cpus": cpus, "slice_documents": slice_documents, "fit_documents": fit_documents}
    counts |= {"segment_documents": segment_documents}
    for name, value in [*counts.items(), ("shards", shards), ("workers", workers)]:
        if value is not None:
            check_count(name, value)
    if isinstance(fields, str):
        raise InputTypeError(f"fields must be a sequence of names, got one string {fields!r}")
    origin = Source.at(source)
    if fields and origin.form == "vectors":
        raise InputError(f"fields are {list(fields)}, and vectors have none: leave them out")
    staff = Workers(workers, cpus, _gpus(gpus) if origin.form != "vectors" else 0.0)
    settings = {
        "rarefy": rarefy.__version__,
        "form": origin.form,
        "model": None if origin.form == "vectors" else _named(model),
        "shards": shards,
        "fields": list(fields),
        **counts,
        "gpus": staff.gpus,
    }
    place = str(out) if "://" in str(out) else str(Path(out).absolute())
    with _home(place, work, shards is not None) as home:
        moments, job = origin.moments(), Job.at(home)
        _check_out(place, shards is not None, job)
        if job is None:
            try:
                job = planned(home, place, origin, settings, staff, progress)
            except BaseException:
                shutil.rmtree(home, ignore_errors=True)  # nothing that is worth to be kept
                raise
        else:
            job.check(place, origin.readable(home), settings, origin.sums())
        found = _work(job, staff, progress)
        if origin.moments() != moments:
            raise InputError(
                f"the source {origin.home} changed while it was read: remove {home} and begin again"
            )
        _commit(job)
        shutil.rmtree(home)
    return Built(job.ends[-1], len(job.pieces), found)


def _named(model: str | Path) -> str:
    """Return a model's name as all processes understand it, whatever folder they are in."""
    first, others = split_name(str(model))
    if first not in NAMES and Path(first).is_dir():
        first = str(Path(first).absolute())
    return "+".join([first, *others])


def _gpus(asked: float | None) -> float:
    if asked is not None:
        if asked < 0:
            raise InputError(f"gpus is {asked}; expected a number of at least 0")
        return float(asked)
    nodes = require("ray", "ray").nodes()
    return float(any(node["Alive"] and node["Resources"].get("GPU") for node in nodes))


@contextmanager
def _home(out: str, work: str | Path | None, sharded: bool) -> Iterator[Path]:
    """Hold the folder in which the build keeps what is done.

    Raises
    ------
    InputError
        If `out` or `work` is missing where it must be a folder, or another process holds it.
    """
    remote = "://" in out
    if remote and not sharded:
        raise InputError(f"out is {out}; expected a folder, or shards=... for a distributed index")
    if remote and work is None:
        raise InputError(f"out is {out}: name a folder for the work, which all nodes see: work=...")
    place = Path(out)
    home = Path(place.parent if work is None else work).absolute() / f"{place.name}.building"
    if home.exists() and not (home / LOCK).exists():
        raise InputError(f"{home} is there and is not of a build: name another folder for the work")
    Files().ensure_folder(home)
    with FolderLock(home):
        yield home


def _check_out(out: str, sharded: bool, job: Job | None) -> None:
    """Refuse a place that holds anything but what this build has put there.

    Raises
    ------
    InputError
        If it does.
    """
    names = storage_at(out).names()
    pattern = commits.NAME if sharded else manifest.MANIFEST
    if any(map(pattern.fullmatch, names)):
        if job is None or not _committed(job):
            raise InputError(f"{out} holds an index: name a new folder")
    elif job is not None:
        return  # it was checked, and what has come since may have been half written
    elif not sharded:
        check_target(Path(out))
    else:
        others = [name for name in names if name != LOCK and not commits.SHARD.fullmatch(name)]
        if others:
            raise InputError(f"{out} holds other things ({min(others)}): name a new folder")


def _work(job: Job, staff: Workers, progress: bool) -> int:
    """Encode and lay out what is not done yet; return how many documents had been encoded."""
    name = Path(job.home).name
    missing = [i for i in range(len(job.slices)) if not job.encoded(i).exists()]
    left = sum(job.documents[i] for i in missing)
    found = job.ends[-1] - left
    log.info("%s: %d of %d documents are encoded already", job.out, found, job.ends[-1])
    label = f"encoding ({found:,} are done)" if found else "encoding"
    with progress_bar(left, progress and bool(missing), label) as advance:
        calls = ((job.home, job.key, i) for i in missing)
        for at, _ in staff.run(encode, calls, f"{name}: encoding"):
            advance(job.documents[missing[at]])
    rest = [i for i in range(len(job.pieces)) if not job.made(i).exists()]
    with progress_bar(len(rest), progress and bool(rest), "laying out") as advance:
        calls = ((job.home, job.key, i) for i in rest)
        for _ in Workers(staff.limit, 1, 0.0).run(lay_out, calls, f"{name}: laying out"):
            advance(1)
    return found


def _target(job: Job) -> Manifest | commits.Commit:
    """Return the commit that makes the pieces an index."""
    every = [made(job, number) for number in range(len(job.pieces))]
    width, entries = every[0][0], tuple(entry for _, entry in every)
    if job.sharded:
        deal = Deal(range(len(entries)), [piece.end - piece.start for piece in job.pieces])
        return commits.Commit(1, width, entries, deal)
    return Manifest(1, width, entries)


def _committed(job: Job) -> bool:
    """Say whether the newest commit is that of this build."""
    if not all(job.made(number).exists() for number in range(len(job.pieces))):
        return False
    if job.sharded:
        return commits.newest(job.storage) == _target(job)
    return manifest.read_newest(Path(job.out)) == _target(job)


def _commit(job: Job) -> None:
    """Make the pieces an index in one step, and write beside them what made the vectors."""
    storage, target = job.storage, _target(job)
    release = claim(storage)
    try:
        _check_out(job.out, job.sharded, job)  # another may have been there meanwhile
        for name in storage.names():
            if name.endswith(PARTIAL):  # of a run that was killed
                storage.remove(name)
        if isinstance(target, commits.Commit):
            commits.publish(storage, target)
        else:
            manifest.publish(Files(), Path(job.out), target)
        for file in sorted(job.origin.rglob("*")):
            if file.is_file():
                storage.write(file.relative_to(job.origin).as_posix(), file.read_bytes())
    finally:
        release()
