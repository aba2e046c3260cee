"""JSON lines, as in BEIR: ``_id``, ``text``, perhaps ``title`` and ``metadata``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from rarefy.errors import InputError
from rarefy.offline.batch import Batch, Slice, add_record

__all__ = ["read", "slices"]

BLOCK = 16 << 20
NEWLINE = ord("\n")
MARK = b"\xef\xbb\xbf"
"""What some programs begin UTF-8 with."""


def slices(path: Path, size: int) -> Iterator[Slice]:
    """Cut a file after each `size` lines."""
    start = at = lines = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            ends = np.flatnonzero(np.frombuffer(block, np.uint8) == NEWLINE)
            for place in range(size - lines % size - 1, len(ends), size):
                end = at + int(ends[place]) + 1
                yield Slice(str(path), lines + place + 2 - size, start, end)
                start = end
            at, lines = at + len(block), lines + len(ends)
    if start < at:
        yield Slice(str(path), lines - lines % size + 1, start, at)


def read(piece: Slice, fields: Sequence[str]) -> Batch:
    """Read the documents of a slice; blank lines are none.

    Raises
    ------
    InputError
        If a line is no JSON object, or has no id and text.
    """
    batch = Batch(columns={name: [] for name in fields})
    with open(piece.path, "rb") as file:
        file.seek(piece.start)
        content = file.read(piece.end - piece.start)
    if piece.start == 0:
        content = content.removeprefix(MARK)
    for number, line in enumerate(content.split(b"\n"), piece.first):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{piece.path}:{number}: broken JSON ({error}); expected one JSON object a line"
            ) from error
        if not isinstance(record, dict):
            raise InputError(
                f"{piece.path}:{number}: found a JSON {type(record).__name__}; expected one JSON "
                f"object a line"
            )
        add_record(batch, record, piece.path, number)
    return batch
