"""Qdrant: exact search over an inverted index of its own.

A document is a point whose id is made of the document's; its payload has the ``id`` and the
``fields``, null where a value is missing. Moments are text in RFC 3339. Needs a server of 1.16 or
newer, which keeps a description of a collection.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from rarefy.errors import InputError, StoreError, require
from rarefy.index import Documents
from rarefy.index.arguments import check_count
from rarefy.index.vectors import canonical
from rarefy.stores.conditions import translated
from rarefy.stores.rows import from_pairs
from rarefy.stores.secrets import parted
from rarefy.stores.store import Found, Schema, asking

__all__ = ["Qdrant"]

VECTOR = "vector"
NAMESPACE = uuid.UUID("8f5d1a52-6a7c-4f0e-9a53-6f0c2b1d7e11")
LARGEST_INT = 2**53
"""Qdrant compares integers as 64-bit floats."""


class Qdrant:
    """A collection of a Qdrant server, or of the client's local mode.

    Parameters
    ----------
    address
        ``"http://host:6333"``, a folder, or ``":memory:"``.
    collection
        Its name.
    token
        The server's API key.
    timeout
        Seconds that an answer may take.
    """

    def __init__(
        self, address: str, collection: str, *, token: str = "", timeout: float = 30.0
    ) -> None:
        client = require("qdrant_client", "qdrant")
        self._models = client.models
        exceptions = require("qdrant_client.http.exceptions", "qdrant")
        # The local mode raises ValueError for a collection that is not there.
        self._errors = (exceptions.ApiException, ValueError, RuntimeError)
        address, user, password = parted(address)
        self.where = f"qdrant {address} {collection}"
        if user or password:
            raise InputError(
                f"{self.where}: the address has a user; Qdrant knows keys alone: set "
                f"QDRANT_API_KEY, or give the key as token"
            )
        self._collection = collection
        self._known: Schema | None = None
        with self._asking():
            if address.startswith(("http:", "https:")):
                self._client = client.QdrantClient(
                    url=address,
                    api_key=token or None,
                    timeout=int(timeout),
                    check_compatibility=False,
                )
            elif address == ":memory:":
                self._client = client.QdrantClient(location=address)
            else:
                self._client = client.QdrantClient(path=address)

    def create(self, schema: Schema) -> None:
        """Make the collection; see `VectorStore.create`."""
        with self._asking():
            there = self._client.collection_exists(self._collection)
        if there:
            schema.check_same(self.schema(), self.where)
            return
        with self._asking():
            self._client.create_collection(
                self._collection,
                vectors_config={},
                sparse_vectors_config={VECTOR: self._models.SparseVectorParams()},
                metadata={"description": schema.to_json()},
            )
        if self._description() is None:  # an older server leaves out what it does not know
            self.drop()
            raise StoreError(
                f"{self.where}: the server keeps no description of a collection: use Qdrant 1.16 "
                f"or newer"
            )

    def schema(self) -> Schema:
        """Return what the collection was made with."""
        if self._known is None:
            self._known = Schema.from_json(self._description(), self.where)
        return self._known

    def _description(self) -> str | None:
        with self._asking():
            found = self._client.get_collection(self._collection).config.metadata or {}
        return found.get("description")

    def upsert(self, documents: Documents) -> None:
        """Add or replace documents; see `VectorStore.upsert`."""
        schema = self.schema()
        schema.check_finite(documents, self.where)
        vectors = canonical(documents.vectors, width=schema.vocabulary_size)
        points = [
            self._models.PointStruct(
                id=_point(name),
                vector={VECTOR: self._vector(*vectors.row(i))},
                payload={"id": name, "fields": _stored(values, schema)},
            )
            for i, (name, values) in enumerate(
                zip(documents.ids, documents.metadata, strict=True)
            )
        ]  # fmt: skip
        if points:
            with self._asking():
                self._client.upsert(self._collection, points, wait=True)

    def delete(self, ids: Sequence[str]) -> None:
        """Delete documents; see `VectorStore.delete`."""
        if len(ids):
            with self._asking():
                self._client.delete(
                    self._collection, [_point(name) for name in ids], wait=True
                )  # fmt: skip

    def search(self, queries: Any, k: int = 10, *, filter: Any = None) -> Found:
        """Return the best documents; see `VectorStore.search`.

        Text can be compared by ``==``, ``!=`` and ``in`` alone, whole numbers with those below
        2**53.
        """
        check_count("k", k)
        schema = self.schema()
        condition = None
        if filter is not None:
            said = translated(filter, schema.fields, _Language(self._models, self.where))
            condition = self._models.Filter(must=[said])
        vectors = canonical(queries, width=schema.vocabulary_size, what="query vectors")
        asked = [
            self._models.QueryRequest(
                query=self._vector(*vectors.row(i)),
                using=VECTOR,
                filter=condition,
                limit=k,
                with_payload=["id"],
            )
            for i in range(len(vectors))
        ]
        with self._asking():
            found = self._client.query_batch_points(self._collection, asked) if asked else []
        answers = [[(point.payload["id"], point.score) for point in of.points] for of in found]
        return Found.of(answers, k)

    def count(self) -> int:
        """Return how many documents there are."""
        with self._asking():
            return int(self._client.count(self._collection, exact=True).count)

    def documents(self, size: int = 1000) -> Iterator[Documents]:
        """Read all documents by point; see `VectorStore.documents`."""
        schema, offset = self.schema(), None
        while True:
            with self._asking():
                points, offset = self._client.scroll(
                    self._collection, limit=size, offset=offset, with_vectors=True
                )
            if points:
                vectors = [point.vector[VECTOR] for point in points]
                yield Documents(
                    [point.payload["id"] for point in points],
                    from_pairs(
                        [(vector.indices, vector.values) for vector in vectors],
                        schema.vocabulary_size,
                    ),
                    [
                        schema.restored(point.payload["fields"], datetime.datetime.fromisoformat)
                        for point in points
                    ],
                )
            if offset is None:
                return

    def drop(self) -> None:
        """Delete the collection."""
        self._known = None
        with self._asking():
            self._client.delete_collection(self._collection)

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _vector(self, columns: Any, weights: Any) -> Any:
        return self._models.SparseVector(indices=columns.tolist(), values=weights.tolist())

    def _asking(self) -> Any:
        return asking(self.where, *self._errors)


def _point(name: str) -> str:
    return str(uuid.uuid5(NAMESPACE, name))


def _stored(values: dict[str, Any], schema: Schema) -> dict[str, Any]:
    return {
        name: value.isoformat() if kind == "datetime" and value is not None else value
        for name, kind in schema.fields.items()
        for value in [values.get(name)]
    }


class _Language:
    """Qdrant's filters."""

    def __init__(self, models: Any, where: str) -> None:
        self.models, self.where = models, where

    def compared(self, name: str, kind: str, operator: str, value: Any) -> Any:
        if operator == "!=":
            return self._there(name, self.compared(name, kind, "==", value))
        if kind in ("str", "bool"):
            if operator != "==":
                raise InputError(
                    f"{self.where}: the filter has {name} {operator} {value!r}; Qdrant compares "
                    f"text by == and != alone: select these documents in another way"
                )
            return self._field(name, match=self.models.MatchValue(value=value))
        if kind == "int" and abs(value) >= LARGEST_INT:
            raise InputError(
                f"{self.where}: the filter has {value}; Qdrant compares whole numbers below 2**53 "
                f"alone: use a smaller one"
            )
        make = self.models.DatetimeRange if kind == "datetime" else self.models.Range
        names = {"<": ["lt"], "<=": ["lte"], ">": ["gt"], ">=": ["gte"], "==": ["gte", "lte"]}
        return self._field(name, range=make(**dict.fromkeys(names[operator], value)))

    def among(self, name: str, kind: str, values: Sequence[Any], negative: bool) -> Any:
        said = [self.compared(name, kind, "==", value) for value in values]
        if negative:
            return self._there(name, *said)
        return self._filter(should=said) if said else self._filter(must_not=[self._filter()])

    def holding(self, name: str, value: str, negative: bool) -> Any:
        said = self._field(name, match=self.models.MatchValue(value=value))
        return self._there(name, said) if negative else said

    def missing(self, name: str, negative: bool) -> Any:
        said = self.models.IsNullCondition(
            is_null=self.models.PayloadField(key=f"fields.{name}")
        )  # fmt: skip
        return self._filter(must_not=[said]) if negative else said

    def joined(self, word: str, terms: Sequence[Any]) -> Any:
        return self._filter(**{"must" if word == "and" else "should": list(terms)})

    def _there(self, name: str, *untrue: Any) -> Any:
        """Say that there is a value, and that none of some conditions is true."""
        return self._filter(must_not=[self.missing(name, False), *untrue])

    def _field(self, name: str, **condition: Any) -> Any:
        return self.models.FieldCondition(key=f"fields.{name}", **condition)

    def _filter(self, **clauses: Any) -> Any:
        return self.models.Filter(**clauses)
