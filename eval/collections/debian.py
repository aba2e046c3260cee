"""Debian's descriptions of packages in two languages: each asks for its translation."""

from __future__ import annotations

import re
from pathlib import Path

from rarefy.errors import InputError
from rarefy.eval.collections.collection import Collection
from rarefy.sparse.training.sources.debian import opened

__all__ = ["LISTS", "read_debian"]

LISTS = Path("/var/lib/apt/lists")
"""Where apt keeps what it fetched."""

_MOST = 2000  # pairs of the test
_NAME = re.compile(r"debian/(?P<query>[a-zA-Z_]+)-(?P<document>[a-zA-Z_]+)")


def read_debian(name: str, *, split: str | None = None, lists: Path | None = None) -> Collection:
    """Pair the short descriptions that translate each other.

    Parameters
    ----------
    name
        ``"debian/<queries>-<documents>"``, two languages as apt names them, such as ``de-en`` or
        ``pt_BR-en``: ``apt-get update -o Acquire::Languages=de,en`` fetches them.
    split
        ``"test"``, at most 2,000 pairs, those of the smallest digests (the default), or
        ``"train"``, all others.
    lists
        Folder of the ``Translation`` files; by default apt's.

    Returns
    -------
    Collection
        Ids are the digests of the English long descriptions, by which Debian joins translations.
        What reads the same in both languages is left out, and so are texts that come twice: no text
        is in both splits.

    Raises
    ------
    InputError
        If it is no such name or split, there are no files of a language, or nothing is in both.
    """
    found = _NAME.fullmatch(name)
    if found is None or found["query"] == found["document"]:
        raise InputError(
            f"there is no collection {name!r}; expected debian/<language>-<another language>, such "
            "as debian/de-en"
        )
    if split not in (None, "test", "train"):
        raise InputError(f"{name} has no split {split!r}; it has test and train")
    folder = lists or LISTS
    asked, answered = (_short(folder, language) for language in found.groups())
    pairs: dict[str, tuple[str, str]] = {}
    seen: set[str] = set()
    for key in sorted(asked.keys() & answered.keys()):
        pair = asked[key], answered[key]
        if pair[0] != pair[1] and not seen & set(pair):
            pairs[key] = pair
            seen |= set(pair)
    if not pairs:
        raise InputError(f"{folder} has no description in both languages of {name}")
    ids = list(pairs)[_MOST:] if split == "train" else list(pairs)[:_MOST]
    if not ids:
        raise InputError(f"{name} has {len(pairs)} pairs, all of the split test; expected more")
    return Collection(
        name=name,
        split=split or "test",
        document_ids=ids,
        documents=[pairs[key][1] for key in ids],
        query_ids=ids,
        queries=[pairs[key][0] for key in ids],
        qrels={key: {key: 1} for key in ids},
        language=found["document"].partition("_")[0],
    )


def _short(folder: Path, language: str) -> dict[str, str]:
    """Return the short descriptions of a language by digest."""
    paths = sorted(folder.glob(f"*_Translation-{language}*"))
    if not paths:
        raise InputError(
            f"{folder} has no file ..._Translation-{language}: "
            f"apt-get update -o Acquire::Languages={language},en"
        )
    texts: dict[str, str] = {}
    for path in paths:
        digest = ""
        with opened(path) as lines:
            for line in lines:
                field, _, value = line.partition(": ")
                if field == "Description-md5":
                    digest = value.strip()
                elif field == f"Description-{language}" and digest:
                    texts.setdefault(digest, value.strip())
    return texts
