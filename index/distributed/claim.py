"""One writer of a storage at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from rarefy.errors import InputError, require
from rarefy.index.distributed.storage import FolderStorage, Storage
from rarefy.index.storage.files import Files
from rarefy.index.storage.lock import FolderLock

__all__ = ["claim"]

NAMESPACE = "rarefy"
"""Of Ray's names."""
PATIENCE = 10.0
"""Seconds in which Ray forgets the name of one that has just closed."""


def claim(storage: Storage) -> Callable[[], None]:
    """Become the writer of a storage until what is returned is called, or this process ends.

    A folder is locked, for all who see its locks. A URL has no locks: there Ray's cluster knows
    its writer by a name, and nobody must write from another cluster.

    Raises
    ------
    InputError
        If there is a writer.
    """
    if isinstance(storage, FolderStorage):
        Files().ensure_folder(Path(storage.root))
        return FolderLock(Path(storage.root)).release
    ray = require("ray", "ray")
    actor = ray.remote(_Claim).options(num_cpus=0, name=f"writer of {storage}", namespace=NAMESPACE)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            held = actor.remote()
            return lambda: ray.kill(held)
        except ValueError:
            if time.monotonic() > until:
                raise InputError(
                    f"{storage} is being written by another writer: wait until it is closed"
                ) from None
            time.sleep(0.2)


class _Claim:
    """Nothing but a name that ends with its owner."""
