"""The plan of a build: what the source has, found out before anything is encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rarefy.errors import InputError, InputTypeError
from rarefy.index.vectors import MAX_ROWS
from rarefy.offline.batch import Slice
from rarefy.offline.duplicates import check_unique
from rarefy.offline.flow import Workers
from rarefy.offline.job import Job
from rarefy.offline.source import Source
from rarefy.offline.work import Scanned, prepare, scan
from rarefy.sparse.texts import progress_bar

__all__ = ["planned"]

SAMPLED = 64
"""Places from which a sample is taken, at most."""


def planned(
    home: Path,
    out: str,
    source: Source,
    settings: Mapping[str, Any],
    staff: Workers,
    progress: bool,
) -> Job:
    """Read the source once, cut it, prepare the model, and write the plan down.

    Parameters
    ----------
    home, out, settings
        As `Job` has them.
    source
        What is indexed.
    staff
        Who reads it, and loads the model.
    progress
        Whether to show how far the reading is.

    Raises
    ------
    InputTypeError, InputError
        As `rarefy.offline.build` does, of the source and the model.
    """
    sums = source.sums()
    slices = source.slices(settings["slice_documents"], home)
    fields, form, name = tuple(settings["fields"]), source.form, f"{home.name}: "
    read: dict[int, Scanned] = {}
    readers = Workers(staff.limit, 1, 0.0)
    with progress_bar(len(slices), progress, "reading") as advance:
        calls = ((form, piece, fields) for piece in slices)
        for number, each in readers.run(scan, calls, name + "reading"):
            read[number] = each
            advance(1)
    kept = [number for number in range(len(slices)) if len(read[number].hashes)]
    slices, scanned = [slices[i] for i in kept], [read[i] for i in kept]
    documents = [len(each.hashes) for each in scanned]
    _check_number(sum(documents), settings["shards"], source)
    check_unique(form, slices, [each.hashes for each in scanned])
    types = _types(slices, scanned, fields)
    for piece, each in zip(slices, scanned, strict=True):
        if each.columns != scanned[0].columns:
            raise InputError(
                f"{piece.path} has other terms than {slices[0].path}, or was made by another "
                f"model: encode both with one model"
            )
    share = _sample(documents, settings["fit_documents"])
    sample = [(piece, n) for piece, n in zip(slices, share, strict=True) if n]
    whole = sum(share) == sum(documents)
    arguments = form, sample, str(settings["model"]), whole, str(home / "origin")
    ((_, fingerprint),) = staff.run(prepare, [arguments], name + "preparing the model")
    job = Job(str(home), out, settings, sums, fingerprint, tuple(slices), tuple(documents), types)
    job.clear()
    job.save()
    return job


def _check_number(documents: int, shards: int | None, source: Source) -> None:
    if not documents:
        raise InputError(f"{source.home} has no documents: expected one at least")
    if shards is None and documents > MAX_ROWS:
        raise InputError(f"{documents} documents are too many for one index: pass shards=...")
    if shards is not None and shards > documents:
        raise InputError(f"shards is {shards}, and there are {documents} documents: ask for fewer")


def _types(
    slices: Sequence[Slice], scanned: Sequence[Scanned], fields: Sequence[str]
) -> dict[str, str]:
    """Return the type of each field over all slices; whole numbers among others are float."""
    types: dict[str, str] = {}
    where: dict[str, str] = {}
    for piece, each in zip(slices, scanned, strict=True):
        place = f"{piece.path}:{piece.first} and after"
        for name, kind in each.types.items():
            known = types.setdefault(name, kind)
            if {known, kind} == {"int", "float"}:
                types[name] = "float"
            elif known != kind:
                raise InputTypeError(
                    f"the field {name!r} is {known} in {where[name]}, and {kind} in {place}: give "
                    f"it one type"
                )
            where.setdefault(name, place)
    if missing := [name for name in fields if name not in types]:
        raise InputError(f"the field {missing[0]!r} has no value in the source: leave it out")
    return {name: types[name] for name in fields}


def _sample(documents: Sequence[int], most: int) -> list[int]:
    """Return how many of each slice's documents a model is fitted to."""
    if sum(documents) <= most:
        return list(documents)
    step = -(-len(documents) // min(SAMPLED, most))
    of_each = max(1, most // len(range(0, len(documents), step)))
    return [min(n, of_each) if i % step == 0 else 0 for i, n in enumerate(documents)]
