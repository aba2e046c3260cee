"""Milvus: exact search over an inverted index of its own.

A collection has the fields ``id``, ``vector`` and ``metadata``, one JSON object: beside each of our
fields ``year`` it has ``year?``, whether there is a value, so that filters need neither ``exists``
nor ``is null``, which Milvus Lite lacks. Moments are microseconds since 1970.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError, require
from rarefy.index import Documents
from rarefy.index.arguments import check_count
from rarefy.index.vectors import canonical
from rarefy.stores.conditions import microseconds, moment, translated
from rarefy.stores.rows import from_mappings
from rarefy.stores.secrets import parted
from rarefy.stores.store import CONNECTING, Found, Schema, asking

__all__ = ["Milvus"]

LONGEST_TEXT = 65_535
"""Bytes of an id, and of a document's metadata."""
MOST = 16_384
"""Documents that a search returns at most."""
LEAST_INT = -(2**63)
NAMES = frozenset("'\"\\\r\n\0")
"""Characters that ids cannot have: Milvus's client quotes ids as they are."""


class Milvus:
    """A collection of a Milvus server, or of Milvus Lite in a file.

    Parameters
    ----------
    address
        ``"http://user:password@host:19530"``, or the path of a file that ends with ``.db``.
    collection
        Its name: letters, digits and _.
    token
        What a server asks for, ``"user:password"`` or a key; by default the address's own.
    timeout
        Seconds that an answer may take.
    """

    def __init__(
        self, address: str, collection: str, *, token: str = "", timeout: float = 30.0
    ) -> None:
        self._milvus = require("pymilvus", "milvus")
        address, user, password = parted(address)
        token = token or ":".join(filter(None, (user, password)))
        self.where = f"milvus {address} {collection}"
        self._collection, self._timeout = collection, timeout
        self._lite = address.endswith(".db")
        self._known: Schema | None = None
        if self._lite:
            Path(address).parent.mkdir(parents=True, exist_ok=True)
        with self._asking():
            self._client = self._milvus.MilvusClient(
                address, token=token, timeout=min(timeout, CONNECTING)
            )

    def create(self, schema: Schema) -> None:
        """Make the collection; see `VectorStore.create`."""
        with self._asking():
            there = self._client.has_collection(self._collection, timeout=self._timeout)
        if there:
            schema.check_same(self.schema(), self.where)
            return
        kinds = self._milvus.DataType
        described = schema.to_json()
        with self._asking():
            columns = self._client.create_schema(auto_id=False, description=described)
            columns.add_field("id", kinds.VARCHAR, is_primary=True, max_length=LONGEST_TEXT)
            columns.add_field("vector", kinds.SPARSE_FLOAT_VECTOR)
            columns.add_field("metadata", kinds.JSON)
            index = self._client.prepare_index_params()
            index.add_index("vector", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
            self._client.create_collection(
                self._collection,
                schema=columns,
                index_params=index,
                consistency_level="Strong",
                timeout=self._timeout,
            )

    def schema(self) -> Schema:
        """Return what the collection was made with."""
        if self._known is None:
            with self._asking():
                found = self._client.describe_collection(self._collection, timeout=self._timeout)
            self._known = Schema.from_json(found.get("description"), self.where)
        return self._known

    def upsert(self, documents: Documents) -> None:
        """Add or replace documents; see `VectorStore.upsert`."""
        schema = self.schema()
        schema.check_finite(documents, self.where)
        vectors = canonical(documents.vectors, width=schema.vocabulary_size)
        rows = []
        for i, (name, values) in enumerate(zip(documents.ids, documents.metadata, strict=True)):
            if not NAMES.isdisjoint(name):
                raise InputError(
                    f"{self.where}: {name[:80]!r} is an id with a quote, a backslash, a line "
                    f"break or the character 0, which Milvus's client cannot page over: use other "
                    f"ids"
                )
            metadata = _stored(values, schema)
            said = json.dumps(metadata, ensure_ascii=False)
            for what, text in (("id", name), ("metadata", said)):
                if len(text.encode()) > LONGEST_TEXT:
                    raise InputError(
                        f"{self.where}: the {what} of {name[:80]!r} has {len(text.encode())} "
                        f"bytes; Milvus takes {LONGEST_TEXT}: shorten it, or leave fields out"
                    )
            rows.append({"id": name, "vector": _mapping(*vectors.row(i)), "metadata": metadata})
        with self._asking():
            self._client.upsert(self._collection, rows, timeout=self._timeout)

    def delete(self, ids: Sequence[str]) -> None:
        """Delete documents; see `VectorStore.delete`."""
        there = [name for name in ids if NAMES.isdisjoint(name)]  # others cannot be
        if there:
            with self._asking():
                self._client.delete(self._collection, ids=there, timeout=self._timeout)

    def search(self, queries: Any, k: int = 10, *, filter: Any = None) -> Found:
        """Return the best documents; see `VectorStore.search`. k is at most 16,384."""
        check_count("k", k)
        schema = self.schema()
        if k > MOST:
            raise InputError(f"{self.where}: k is {k}; Milvus returns {MOST} documents at most")
        condition = "" if filter is None else self._said(filter, schema)
        vectors = canonical(queries, width=schema.vocabulary_size, what="query vectors")
        data = [_mapping(*vectors.row(i)) for i in range(len(vectors))]
        if not data:
            return Found.of([], k)
        with self._asking():
            found = self._client.search(
                self._collection,
                data=data,
                filter=condition,
                limit=k,
                anns_field="vector",
                search_params={"metric_type": "IP", "params": {"drop_ratio_search": 0.0}},
                timeout=self._timeout,
            )
        return Found.of([[(hit["id"], hit["distance"]) for hit in answer] for answer in found], k)

    def count(self) -> int:
        """Return how many documents there are."""
        with self._asking():
            (answer,) = self._client.query(
                self._collection, filter="", output_fields=["count(*)"], timeout=self._timeout
            )
        return int(answer["count(*)"])

    def documents(self, size: int = 1000) -> Iterator[Documents]:
        """Read all documents by id; see `VectorStore.documents`."""
        schema = self.schema()
        with self._asking():
            iterator = self._client.query_iterator(
                self._collection, batch_size=min(size, MOST), filter="", output_fields=["*"]
            )
        try:
            while True:
                with self._asking():
                    rows = iterator.next()
                if not rows:
                    return
                yield Documents(
                    [row["id"] for row in rows],
                    from_mappings([row["vector"] for row in rows], schema.vocabulary_size),
                    [schema.restored(row["metadata"], moment) for row in rows],
                )
        finally:
            iterator.close()

    def drop(self) -> None:
        """Delete the collection."""
        self._known = None
        with self._asking():
            self._client.drop_collection(self._collection, timeout=self._timeout)

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _said(self, filter: Any, schema: Schema) -> str:
        language = _Language()
        said = translated(filter, schema.fields, language)
        if self._lite and language.beyond_lite:
            raise InputError(
                f"{self.where}: the filter asks for {language.beyond_lite}, which Milvus Lite "
                f"cannot read: use a server, or leave it out"
            )
        return said

    def _asking(self) -> Any:
        return asking(self.where, self._milvus.MilvusException)


def _stored(values: dict[str, Any], schema: Schema) -> dict[str, Any]:
    stored: dict[str, Any] = {}
    for name, kind in schema.fields.items():
        value = values.get(name)
        stored[name + "?"] = value is not None
        if value is not None:
            stored[name] = microseconds(value) if kind == "datetime" else value
    return stored


def _mapping(columns: npt.NDArray[np.uint32], weights: npt.NDArray[np.float32]) -> dict[int, float]:
    return dict(zip(columns.tolist(), weights.tolist(), strict=True))


class _Language:
    """Milvus's boolean expressions.

    Attributes
    ----------
    beyond_lite : str
        What was said that a server understands and Milvus Lite does not; empty if nothing.
    """

    beyond_lite = ""

    def compared(self, name: str, kind: str, operator: str, value: Any) -> str:
        if kind == "int" and value == LEAST_INT:  # which Milvus cannot read
            least = f"{_path(name)} < {LEAST_INT + 1}"
            always, never = self.missing(name, True), f"{_path(name)} < {LEAST_INT + 1} and false"
            return {
                "==": least, "<=": least, ">=": always, "<": never,
            }.get(operator, f"{_path(name)} >= {LEAST_INT + 1}")  # fmt: skip
        said = f"{_path(name)} {operator} {self._literal(value)}"
        return f"({said} and {self.missing(name, True)})" if operator == "!=" else said

    def among(self, name: str, kind: str, values: Sequence[Any], negative: bool) -> str:
        operator, word = ("!=", "and") if negative else ("==", "or")
        terms = [self.compared(name, kind, operator, value) for value in values]
        there = self.missing(name, True)
        if not terms:
            return there if negative else f"({there} and {self.missing(name, False)})"
        return terms[0] if len(terms) == 1 else self.joined(word, terms)

    def holding(self, name: str, value: str, negative: bool) -> str:
        said = f"json_contains({_path(name)}, {self._literal(value)})"
        if negative:
            self.beyond_lite = f"lists {name} without {value!r}"
        return f"(not {said} and {self.missing(name, True)})" if negative else said

    def missing(self, name: str, negative: bool) -> str:
        return f"{_path(name + '?')} == {str(negative).lower()}"

    def joined(self, word: str, terms: Sequence[str]) -> str:
        return "(" + f" {word} ".join(terms) + ")"

    def _literal(self, value: Any) -> str:
        if isinstance(value, str):
            if any(character < " " for character in value):
                self.beyond_lite = f"{value!r}, a text with a control character"
            return json.dumps(value, ensure_ascii=False)
        if isinstance(value, bool):
            return str(value).lower()
        return repr(value) if isinstance(value, int | float) else str(microseconds(value))


def _path(name: str) -> str:
    return f'metadata["{name}"]'
