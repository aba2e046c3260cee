"""The pairs of a run: collected once, written down, and read back by every later start."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterable
from pathlib import Path

from rarefy.errors import InputError
from rarefy.files import output_folder, replaced
from rarefy.sparse.training.overlap import OverlapFilter
from rarefy.sparse.training.sources import Pair, Source

__all__ = ["collect_pairs", "read_pairs"]

_PAIRS, _REPORT = "pairs.jsonl.gz", "overlap.md"


def collect_pairs(
    sources: Iterable[Source],
    clean: OverlapFilter,
    size: int,
    folder: str | Path,
    *,
    seed: int = 0,
) -> list[Pair]:
    """Draw pairs from sources, and write them and the report of what was left out.

    Parameters
    ----------
    sources
        Read one after the other.
    clean
        What leaves out duplicates and the text of test collections.
    size
        The most pairs; they are drawn at random from all.
    folder
        Where ``pairs.jsonl.gz`` and ``overlap.md`` go.
    seed
        Of the draw.

    Returns
    -------
    list of Pair
        In a random order.

    Raises
    ------
    InputError
        If no pair is left, or `size` is below 1.
    """
    if size < 1:
        raise InputError(f"size is {size}; expected at least 1 pair")
    kept = [pair for source in sources for pair in clean(source)]
    if not kept:
        raise InputError("the sources have no pairs left; expected at least one")
    pairs = random.Random(seed).sample(kept, min(size, len(kept)))
    place = output_folder(folder)
    with replaced(place / _REPORT) as stream:
        stream.write(clean.report.as_table().encode())
    with replaced(place / _PAIRS) as stream:
        lines = "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs)
        stream.write(gzip.compress(lines.encode(errors="replace"), mtime=0))
    return pairs


def read_pairs(folder: str | Path) -> list[Pair] | None:
    """Read the pairs that :func:`collect_pairs` wrote; None if there are none.

    Parameters
    ----------
    folder
        Where they were written.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    path = Path(folder) / _PAIRS
    if not path.exists():
        return None
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [Pair(*json.loads(line)) for line in lines]
    except (OSError, EOFError, ValueError, TypeError) as error:
        raise InputError(
            f"{path} cannot be read ({error}): delete it, and it is collected anew"
        ) from error
