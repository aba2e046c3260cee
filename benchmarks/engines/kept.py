"""Indexes that take minutes to build, kept in the cache folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rarefy.sparse.cache import cache_folder

__all__ = ["kept"]


def kept(
    documents: Any, settings: Mapping[str, Any], build: Callable[[Path], float]
) -> tuple[Path, float]:
    """Return the file of an index, built first if it is not there, and its processor seconds.

    Parameters
    ----------
    documents
        csr[n, V]; with the settings they name the file.
    settings
        What the index is built with.
    build
        Builds the index, saves it to a path and returns the processor seconds of the build.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for array in (documents.indptr, documents.indices, documents.data):
        digest.update(np.ascontiguousarray(array).data)
    folder = cache_folder() / "benchmarks" / "engines" / digest.hexdigest()[:16]
    facts = folder / "facts.json"
    if not facts.exists():
        folder.mkdir(parents=True, exist_ok=True)
        seconds = build(folder / "index")
        facts.write_text(json.dumps({"settings": settings, "build_s": seconds}, indent=1))
    return folder / "index", json.loads(facts.read_text())["build_s"]
