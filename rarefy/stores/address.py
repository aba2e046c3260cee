"""Where a store is, as one text."""

from __future__ import annotations

import os
from urllib.parse import parse_qsl, urlencode, urlsplit

from rarefy.errors import InputError
from rarefy.stores.elastic import Elastic, Product
from rarefy.stores.milvus import Milvus
from rarefy.stores.postgres import Postgres
from rarefy.stores.qdrant import Qdrant
from rarefy.stores.secrets import masked
from rarefy.stores.store import VectorStore

__all__ = ["open_store"]

FORMS = (
    "milvus://HOST:PORT/COLLECTION, milvus:FILE.db/COLLECTION, qdrant://HOST:PORT/COLLECTION, "
    "qdrant:FOLDER/COLLECTION, postgresql://USER@HOST/DATABASE/TABLE, "
    "elasticsearch://HOST:PORT/INDEX, opensearch://HOST:PORT/INDEX"
)


def open_store(url: str) -> VectorStore:
    """Open the store that an address names.

    Parameters
    ----------
    url
        ``milvus://host:19530/collection`` or, of Milvus Lite, ``milvus:file.db/collection``;
        ``qdrant://host:6333/collection`` or, of the client's local mode,
        ``qdrant:folder/collection``; ``postgresql://user@host/database/table``, for approximate
        search with ``?index=hnsw``, maybe ``&ef_search=200``; ``elasticsearch://host:9200/index``
        and ``opensearch://host:9200/index``. ``milvus+https:`` and the like are encrypted. Keys are
        those of the environment: MILVUS_TOKEN, QDRANT_API_KEY, ELASTIC_API_KEY, and libpq's
        PGPASSWORD or password file.

    Raises
    ------
    InputError
        If it is no such address.
    MissingExtraError
        If the client library is not installed.
    StoreError
        If the store cannot be reached.
    """
    try:
        parts = urlsplit(url)
        for host in parts.netloc.rpartition("@")[2].split(","):  # PostgreSQL takes several
            urlsplit(f"//{host}").port  # noqa: B018 - it raises
    except ValueError:
        raise _unreadable(url) from None  # it may quote a password
    scheme, _, secure = parts.scheme.partition("+")
    home, _, name = parts.path.rpartition("/")
    usable = (
        bool(name) and (parts.netloc or home) and secure in ("", "https") and not parts.fragment
    )
    if scheme in ("elasticsearch", "opensearch") and usable and parts.netloc and not parts.query:
        token = os.environ.get("ELASTIC_API_KEY", "")
        address = f"{secure or 'http'}://{parts.netloc}{home}"
        product: Product = "elasticsearch" if scheme == "elasticsearch" else "opensearch"
        return Elastic(address, name, product=product, token=token)
    if scheme in ("milvus", "qdrant") and usable and not parts.query:
        address = home
        if parts.netloc:
            address = f"{secure or 'http'}://{parts.netloc}{home}"
        if scheme == "qdrant":
            return Qdrant(address, name, token=os.environ.get("QDRANT_API_KEY", ""))
        if parts.netloc or home.endswith(".db"):
            return Milvus(address, name, token=os.environ.get("MILVUS_TOKEN", ""))
    if scheme in ("postgresql", "postgres") and name and home and not secure:
        return _postgres(parts.netloc, home, name, dict(parse_qsl(parts.query)))
    raise _unreadable(url)


def _unreadable(url: str) -> InputError:
    return InputError(
        f"{masked(url)!r} names no store; expected one of {FORMS}; in a password write / as %2F, "
        f"? as %3F, # as %23 and @ as %40"
    )


def _postgres(netloc: str, home: str, table: str, options: dict[str, str]) -> Postgres:
    index = options.pop("index", None)
    ef_search = options.pop("ef_search", "100")
    if not ef_search.isdecimal():
        raise InputError(f"ef_search is {ef_search!r}; expected a whole number")
    query = f"?{urlencode(options)}" if options else ""
    address = f"postgresql://{netloc}{home}{query}"
    return Postgres(address, table, index=index, ef_search=int(ef_search))
