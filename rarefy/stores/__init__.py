"""An index's documents in somebody else's database, behind one interface, `VectorStore`.

    push    an index -> a store
    pull    a store -> an index

Names are imported when they are first used; a client library that is missing is an error that says
what to install.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rarefy.stores.address import open_store
    from rarefy.stores.elastic import Elastic
    from rarefy.stores.milvus import Milvus
    from rarefy.stores.postgres import Postgres
    from rarefy.stores.qdrant import Qdrant
    from rarefy.stores.store import Found, Schema, VectorStore
    from rarefy.stores.transfer import pull, push

_HOME = {
    "Elastic": "elastic",
    "Found": "store",
    "Milvus": "milvus",
    "Postgres": "postgres",
    "Qdrant": "qdrant",
    "Schema": "store",
    "VectorStore": "store",
    "open_store": "address",
    "pull": "transfer",
    "push": "transfer",
}
"""Name -> the file that has it."""

__all__ = [
    "Elastic",
    "Found",
    "Milvus",
    "Postgres",
    "Qdrant",
    "Schema",
    "VectorStore",
    "open_store",
    "pull",
    "push",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'rarefy.stores' has no attribute {name!r}")
    return getattr(importlib.import_module(f"rarefy.stores.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
