"""An index's documents in somebody else's database, behind one interface, `VectorStore`.

    push    an index -> a store
    pull    a store -> an index

Names are imported when they are first used; a client library that is missing is an error that says
what to install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rarefy.lazy import lazy as _lazy

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

__getattr__, __dir__ = _lazy(__name__, _HOME)
