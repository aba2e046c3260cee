"""Collections that are known by name: what their contents must be, their language, their rules.

``registry.json`` says for each name its language, whether queries are left out of their own
results, and for each set of judgements the fingerprint of the contents. The collections themselves
are looked for in the folder that the environment variable RAREFY_DATA names.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from rarefy.errors import InputError
from rarefy.eval.collections.collection import Collection

__all__ = ["known", "known_folder", "names", "verified"]

_FOLDER = "RAREFY_DATA"


@cache
def known() -> dict[str, dict[str, Any]]:
    """Return what is known: name -> ``language``, ``leave_out_own``, ``fingerprints`` by split."""
    content: dict[str, dict[str, Any]] = json.loads(
        Path(__file__).with_name("registry.json").read_text(encoding="utf-8")
    )
    return content


def names() -> list[str]:
    """Return the names of the collections that are known."""
    return list(known())


def known_folder(name: str) -> Path | None:
    """Find a known collection's folder.

    Parameters
    ----------
    name
        Such as ``"scifact"`` or ``"xquad-r/en"``.

    Returns
    -------
    Path or None
        None if the name is not known.

    Raises
    ------
    InputError
        If the name is known, but no folder of it is there.
    """
    if name not in known():
        return None
    root = os.environ.get(_FOLDER)
    if not root:
        raise InputError(
            f"the collection {name!r} is known, but not where it is; set {_FOLDER} to the folder "
            "that holds it, or give its path"
        )
    folder = Path(root, name)
    if not folder.is_dir():
        raise InputError(f"there is no {folder}; {_FOLDER} must name the folder that holds {name}")
    return folder


def verified(collection: Collection, name: str | None = None) -> Collection:
    """Give a collection its known language and rules.

    Parameters
    ----------
    collection
        As it was read. A known one is recognised by its contents, or by its name where no contents
        are on record.
    name
        The name that it was asked for by, where it was.

    Raises
    ------
    InputError
        If its contents are not those that are on record for the name.
    """
    for key, entry in known().items():
        prints = entry["fingerprints"]
        if name == key and prints.get(collection.split, collection.fingerprint) != (
            collection.fingerprint
        ):
            raise InputError(
                f"{name} ({collection.split}) has the fingerprint {collection.fingerprint[:16]}, "
                f"but {prints[collection.split][:16]} is on record: its texts or judgements were "
                "changed; get it again, or give its path to use it as it is"
            )
        by_name = not prints and key == collection.name.rpartition("/")[2]
        if name == key or by_name or collection.fingerprint in prints.values():
            return replace(
                collection, language=entry["language"], leave_out_own=entry["leave_out_own"]
            )
    return collection
