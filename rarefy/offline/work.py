"""What Ray's processes do: each step may be done twice, with the same outcome."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

import rarefy
from rarefy.errors import InputError, InputTypeError
from rarefy.files import output_folder
from rarefy.index.distributed.commits import ShardEntry
from rarefy.index.distributed.copies import store
from rarefy.index.distributed.workspace import Workspace
from rarefy.index.merging import concatenated, laid_out
from rarefy.index.metadata import Metadata
from rarefy.index.part import Part
from rarefy.index.storage.container import FileEntry
from rarefy.index.storage.files import Files
from rarefy.index.storage.ids import Ids, hashes_of
from rarefy.index.storage.manifest import Manifest, SegmentEntry, publish
from rarefy.index.storage.segment import Segment, write_segment
from rarefy.index.vectors import canonical
from rarefy.offline.batch import Slice
from rarefy.offline.encoded import Encoded, read_encoded, write_encoded
from rarefy.offline.job import Job, opened, write
from rarefy.offline.source import read_slice
from rarefy.origin import Origin
from rarefy.sparse.registry import NAMES, split_name

if TYPE_CHECKING:
    from rarefy.sparse import TermModel

__all__ = ["Scanned", "encode", "lay_out", "made", "prepare", "scan"]


class Scanned(NamedTuple):
    """What is known of a slice before it is encoded.

    Attributes
    ----------
    hashes : uint64[n]
        Of the documents' ids.
    types : dict
        Of the fields that have a value here.
    columns : str
        Of vectors, a digest of what their columns mean.
    """

    hashes: npt.NDArray[np.uint64]
    types: dict[str, str]
    columns: str


def scan(form: str, piece: Slice, fields: Sequence[str]) -> Scanned:
    """Read a slice to check it.

    Raises
    ------
    InputError, InputTypeError
        If it is broken, or a field has values of several types.
    """
    batch = read_slice(form, piece, fields)
    types: dict[str, str] = {}
    for name, values in batch.columns.items():
        if any(value is not None and value == value for value in values):
            try:
                types |= Metadata.of({name: values}, len(batch)).types
            except InputTypeError as error:
                raise InputTypeError(f"{piece.path}:{piece.first} and after: {error}") from None
    columns = ""
    if batch.vectors is not None:
        made_by = Origin.open(Path(piece.path), terms=batch.terms).fingerprint
        columns = blake2b(json.dumps([list(batch.terms), made_by]).encode()).hexdigest()
    return Scanned(hashes_of(batch.ids), types, columns)


def prepare(
    form: str, pieces: Sequence[tuple[Slice, int]], model: str, whole: bool, home: str
) -> str:
    """Write what makes vectors to a folder, and return its fingerprint.

    A model that is not fitted yet is fitted to a sample.

    Parameters
    ----------
    form
        Of the source; of vectors, what made the first of them is written.
    pieces
        Slices, and how many of the documents of each, from its first, are of the sample.
    model
        What `rarefy.load` takes, or a folder that says what made its vectors.
    whole
        Whether the sample is all documents.
    home
        The folder.
    """
    shutil.rmtree(home, ignore_errors=True)  # what a process that was killed has left
    folder = output_folder(home)
    if form == "vectors":
        place = Path(pieces[0][0].path)
        origin = Origin.open(place, terms=read_slice(form, pieces[0][0], ()).terms)
        origin.save(folder)
        return blake2b(json.dumps([list(origin.terms), origin.fingerprint]).encode()).hexdigest()
    if split_name(model)[0] not in NAMES and Origin.is_at(Path(model)):
        origin = Origin.open(Path(model))
        origin.save(folder)
        return str(origin.fingerprint)
    encoder = rarefy.load(model, cache=False)
    if not encoder.fitted:
        if isinstance(encoder, rarefy.BM25) and not whole:
            raise InputError(
                f"{model} knows the words alone that it was fitted to, and the sample is not all "
                f"documents: name a folder that BM25.save wrote, or fit it to more documents"
            )
        encoder.fit(text for piece, n in pieces for text in read_slice(form, piece, ()).texts[:n])
    Origin.of(encoder, model, folder).save(folder)
    return encoder.fingerprint


def encode(home: str, key: str, number: int) -> None:
    """Encode a slice, unless it is.

    Raises
    ------
    InputError
        If it has not as many documents as it had.
    """
    job = opened(home, key)
    if job.encoded(number).exists():
        return
    settings = job.settings
    batch = read_slice(settings["form"], job.slices[number], tuple(job.types))
    if len(batch) != job.documents[number]:
        raise InputError(
            f"{job.slices[number].path} had {job.documents[number]} documents from "
            f"{job.slices[number].first} on, and has {len(batch)}: it changed while it was read"
        )
    vectors = batch.vectors
    if vectors is None:
        model = _model(str(job.origin), key, settings["cpus"])
        vectors = canonical(model.encode_documents(batch.texts), what="document vectors")
    fields = Metadata.of(batch.columns, len(batch), job.types) if job.types else None
    write_encoded(job.encoded(number), Encoded(vectors, Ids.of(batch.ids), fields))


def lay_out(home: str, key: str, number: int) -> None:
    """Make a segment or a shard of encoded slices and store it, unless it is."""
    job = opened(home, key)
    if job.made(number).exists():
        return
    segment, name = _segment(job, number), job.pieces[number].name
    space, files = Workspace(Path(home, "scratch")), Files()
    try:
        folder = space.folder("piece")
        file = f"{name.replace('shard', 'segment')}.rarefy"
        entry = write_segment(files, folder, segment, file)
        record: tuple[Any, ...]
        if job.sharded:
            publish(files, folder, Manifest(1, segment.vocabulary_size, (entry,)))
            record = store(job.storage, name, folder, dict(job.types))
        else:
            job.storage.store(folder / file, file)
            record = (*entry.file, entry.documents)
    finally:
        space.close()
    write(job.made(number), json.dumps([segment.vocabulary_size, record]).encode())


def made(job: Job, number: int) -> tuple[int, Any]:
    """Return the vocabulary size of a piece that is laid out, and what a commit says of it."""
    width, record = json.loads(job.made(number).read_bytes())
    if job.sharded:
        name, generation, checksum, names, fields = record
        return width, ShardEntry(name, generation, checksum, tuple(names), fields)
    *file, documents = record
    return width, SegmentEntry(FileEntry(*file), documents)


def _segment(job: Job, number: int) -> Segment:
    """Return the segment of a piece's documents, as `Index.build` would make it."""
    _, start, end = job.pieces[number]
    first, last = np.searchsorted(job.ends, [start, end - 1], side="right").tolist()
    vectors, ids, fields = [], [], []
    for place in range(first - 1, last):
        whole = read_encoded(job.encoded(place))
        rows = slice(
            max(start - job.ends[place], 0), min(end, job.ends[place + 1]) - job.ends[place]
        )
        taken = np.arange(rows.start, rows.stop)
        vectors.append(whole.vectors.between(rows.start, rows.stop))
        ids.append((whole.ids, taken))
        fields.append((whole.metadata, taken))
    documents = concatenated(vectors, vectors[0].width)
    part = Part(laid_out(documents, Ids.joined(ids), Metadata.joined(fields)))
    part.calibrate(None)
    return part.segment._replace(table=part.table)


@lru_cache(maxsize=1)
def _model(origin: str, key: str, threads: int) -> TermModel:
    """Return the model, which this process loads once.

    Threads share a sum differently if there are more or fewer of them, so that their number is
    fixed.
    """
    model = Origin.open(Path(origin)).load(cache=False)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    return model
