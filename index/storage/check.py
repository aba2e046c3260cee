"""Whether a folder is sound, and what can be kept of one that is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from rarefy.errors import DamagedIndexError
from rarefy.index.metadata import Metadata
from rarefy.index.storage.bounds import bound_fault
from rarefy.index.storage.deletions import read_alive, write_alive
from rarefy.index.storage.files import Files
from rarefy.index.storage.ids import Ids
from rarefy.index.storage.lock import FolderLock
from rarefy.index.storage.manifest import (
    Manifest,
    SegmentEntry,
    generations,
    publish,
    read_manifest,
    read_newest,
    sweep,
)
from rarefy.index.storage.segment import Segment, read_segment, write_segment

__all__ = ["repair", "verify"]


def verify(folder: Path) -> None:
    """Check every byte of an index, and that its parts fit together.

    Checksums, offsets, terms and rows within their ranges, ids, metadata, deletions, and that the
    bounds by which search leaves documents out are not below the weights. An index that is written
    meanwhile is checked as of one commit.

    Raises
    ------
    InputError
        If the folder holds no index, or one of another format.
    DamagedIndexError
        If it is not what was written; it names the file and the section.
    MissingExtraError
        If there is metadata and pyarrow is not installed.
    """
    while True:
        manifest = read_newest(folder)
        try:
            _check(folder, manifest)
            return
        except DamagedIndexError:
            if generations(folder)[0] == manifest.generation:
                raise  # otherwise files may have gone since the manifest was read


def _check(folder: Path, manifest: Manifest) -> None:
    """Raise if a commit is not sound."""
    parts = []
    for entry in manifest.segments:
        ids = _checked(folder, entry, manifest.vocabulary_size).ids
        parts.append((ids, read_alive(folder, entry)))
    for entry, superseded in zip(manifest.segments, _superseded(parts), strict=True):
        if superseded.any():
            row = int(np.argmax(superseded))
            raise DamagedIndexError(
                f"{folder / entry.file.name}: the id of row {row} occurs again in a later row, and "
                f"neither is deleted: build the index again, or keep the later one with "
                f"`rarefy verify --repair`"
            )


def repair(folder: Path, files: Files | None = None) -> list[str]:
    """Drop what is lost of an index, so that what is left is sound.

    A damaged segment is dropped as a whole, but where its metadata alone is damaged: then it is
    written again without, so that its documents have missing values. Where it is unknown which of
    its rows were deleted, all are kept but those whose ids occur again later. Damaged manifests are
    passed over for the newest whole one.

    Parameters
    ----------
    folder
        An index that nobody is writing.
    files
        What writes; the file system by default.

    Returns
    -------
    list of str
        What was dropped, a line each; empty if the index was sound, and then nothing is written.

    Raises
    ------
    InputError
        If the folder holds no index, or one of another format, or it is being written.
    DamagedIndexError
        If no manifest is whole.
    """
    files = files or Files()
    newest, *_ = generations(folder)
    with FolderLock(folder):
        manifest, dropped = _newest_whole(folder)
        kept, parts = [], []
        for entry in manifest.segments:
            try:
                ids = _checked(folder, entry, manifest.vocabulary_size).ids
            except DamagedIndexError as error:
                try:
                    bare = _checked(folder, entry, manifest.vocabulary_size, metadata=False)
                except DamagedIndexError:
                    dropped.append(f"{entry.documents - entry.deleted} documents: {error}")
                    continue
                dropped.append(
                    f"the metadata of {entry.documents - entry.deleted} documents: {error}"
                )
                ids, entry = bare.ids, entry._replace(file=write_segment(files, folder, bare).file)
            try:
                alive = read_alive(folder, entry)
            except DamagedIndexError as error:
                dropped.append(f"which {entry.deleted} documents were deleted: {error}")
                alive, entry = None, entry._replace(deletions=None, deleted=0)
            kept.append(entry)
            parts.append((ids, alive))
        for i, superseded in enumerate(_superseded(parts)):
            if superseded.any():
                ids, alive = parts[i]
                rest = ~superseded if alive is None else alive & ~superseded
                file = write_alive(files, folder, rest)
                kept[i] = kept[i]._replace(deletions=file, deleted=int((~rest).sum()))
                dropped.append(
                    f"{superseded.sum()} documents of {kept[i].file.name} whose ids occur again"
                )
        if dropped:
            repaired = Manifest(newest + 1, manifest.vocabulary_size, tuple(kept))
            publish(files, folder, repaired)
            sweep(files, folder, [repaired], at_once=True)
    return dropped


def _newest_whole(folder: Path) -> tuple[Manifest, list[str]]:
    """Return the newest manifest that can be read, and what is wrong with newer ones."""
    damaged: list[str] = []
    for generation in generations(folder):
        try:
            return read_manifest(folder, generation), damaged
        except DamagedIndexError as error:
            damaged.append(f"commit {generation}: {error}")
    raise DamagedIndexError(f"{folder}: no manifest is whole: build the index again")


def _checked(
    folder: Path, entry: SegmentEntry, vocabulary_size: int, *, metadata: bool = True
) -> Segment:
    """Return a segment in which nothing is wrong, its metadata included or left out."""
    path = folder / entry.file.name
    segment = read_segment(folder, entry, vocabulary_size, verify=True, metadata=metadata)
    problem = bound_fault(segment.layout, segment.block_size)
    if segment.metadata is not None:
        try:
            Metadata.from_bytes(segment.metadata, len(segment.ids)).columns  # noqa: B018
        except DamagedIndexError as error:
            raise DamagedIndexError(f"{path}: {error}") from error
    if problem is None:
        hashes, rows = Ids.of(segment.ids.names()).by_hash
        written_hashes, written_rows = segment.ids.by_hash
        if not (np.array_equal(hashes, written_hashes) and np.array_equal(rows, written_rows)):
            problem = "id_hashes are not those of the ids"
    if problem is not None:
        raise DamagedIndexError(
            f"{path}: {problem}: build the index again, or drop what is lost with "
            f"`rarefy verify --repair`"
        )
    return segment


def _superseded(
    parts: list[tuple[Ids, npt.NDArray[np.bool_] | None]],
) -> list[npt.NDArray[np.bool_]]:
    """Return of each segment the living rows whose ids live in a later row too, bool[n]."""
    seen: set[str] = set()
    masks = []
    for ids, alive in reversed(parts):
        mask = np.zeros(len(ids), np.bool_)
        names = ids.names()
        for row in range(len(ids) - 1, -1, -1):
            if alive is None or alive[row]:
                mask[row] = names[row] in seen
                seen.add(names[row])
        masks.append(mask)
    return masks[::-1]
