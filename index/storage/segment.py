"""One immutable segment: the arrays that search reads, and the documents' ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rarefy.index.layout import Array, Layout
from rarefy.index.planner import Calibration, Plan
from rarefy.index.storage.container import Container, write_container
from rarefy.index.storage.files import Files
from rarefy.index.storage.ids import Ids
from rarefy.index.storage.manifest import SegmentEntry, fresh_name
from rarefy.index.storage.structure import fault

__all__ = ["Segment", "read_segment", "write_segment"]

BLOCK_SIZES = (1, 2, 4)
IDS = ("ids", "id_ends", "id_hashes", "id_rows")
METADATA = "metadata"


class Segment(NamedTuple):
    """What a segment holds.

    Attributes
    ----------
    layout : Layout
    ids : Ids
    vocabulary_size : int
    block_size : int
    table : list of Calibration
    metadata : uint8[bytes] or None
        What `Metadata.to_bytes` returned.
    """

    layout: Layout
    ids: Ids
    vocabulary_size: int
    block_size: int
    table: Sequence[Calibration]
    metadata: Array | None = None


def write_segment(
    files: Files, folder: Path, segment: Segment, name: str | None = None
) -> SegmentEntry:
    """Write a segment, synced, under a new name; no manifest names it yet."""
    arrays: dict[str, Array] = dict(segment.layout._asdict())
    arrays |= zip(IDS, (segment.ids.blob, segment.ids.ends, *segment.ids.by_hash), strict=True)
    if segment.metadata is not None:
        arrays[METADATA] = segment.metadata
    attributes = {
        "documents": len(segment.ids),
        "vocabulary_size": segment.vocabulary_size,
        "block_size": segment.block_size,
        "compact": segment.layout.compact,
        "calibration": [[*entry[:3], *entry.plan] for entry in segment.table],
    }
    file = write_container(files, folder / (name or fresh_name("segment")), arrays, attributes)
    return SegmentEntry(file, len(segment.ids))


def read_segment(
    folder: Path,
    entry: SegmentEntry,
    vocabulary_size: int,
    *,
    verify: bool,
    metadata: bool = True,
) -> Segment:
    """Open a segment, memory-mapped; writes to its arrays stay private.

    Parameters
    ----------
    folder
        The index.
    entry, vocabulary_size
        What the manifest says.
    verify
        Read all bytes once; otherwise sizes alone are checked.
    metadata
        Whether the segment comes with its metadata; otherwise that is not looked at.

    Raises
    ------
    InputError
        If it is of another format version.
    DamagedIndexError
        If it is not what was written, or the arrays do not fit together.
    """
    container = Container(folder / entry.file.name, entry.file)
    if verify:
        container.verify(without=() if metadata else (METADATA,))
    expected = {*Layout._fields, *IDS}
    if not expected <= set(container.sections):
        missing = sorted(expected - set(container.sections))
        raise container.damaged(f"the sections {missing} are missing")
    attributes = container.attributes
    if not _whole(attributes):
        raise container.damaged("its attributes are malformed")
    if (attributes["documents"], attributes["vocabulary_size"]) != (
        entry.documents,
        vocabulary_size,
    ):
        raise container.damaged(
            f"it has {attributes['documents']} documents and a vocabulary of "
            f"{attributes['vocabulary_size']}, the manifest says {entry.documents} and "
            f"{vocabulary_size}"
        )
    layout = Layout(**{name: container.sections[name] for name in Layout._fields})
    of_ids = [container.sections[name] for name in IDS]
    problem = fault(layout, attributes, *of_ids, thorough=verify)
    if problem:
        raise container.damaged(problem)
    blob, ends, hashes, rows = of_ids
    return Segment(
        layout,
        Ids(blob, ends, (hashes, rows)),
        vocabulary_size,
        attributes["block_size"],
        [
            Calibration(k, terms, recall, Plan(*settings))
            for k, terms, recall, *settings in attributes["calibration"]
        ],
        container.sections.get(METADATA) if metadata else None,
    )


def _whole(attributes: dict[str, Any]) -> bool:
    """Say whether the attributes are of the types and in the ranges that they must be."""
    try:
        sizes = [attributes["documents"], attributes["vocabulary_size"], attributes["block_size"]]
        whole = all(type(size) is int and size >= 0 for size in sizes)
        whole = whole and attributes["block_size"] in BLOCK_SIZES
        whole = whole and isinstance(attributes["compact"], bool)
        for k, terms, recall, mass, looked_at, champions in attributes["calibration"]:
            whole = whole and all(
                type(size) is int and 0 <= size < 2**62 for size in (k, terms, looked_at)
            )
            whole = whole and isinstance(champions, bool)
            whole = whole and all(type(share) in (int, float) for share in (recall, mass))
            whole = whole and 0 < recall <= 1 and 0 < mass <= 1
    except (ValueError, KeyError, TypeError):
        return False
    return whole
