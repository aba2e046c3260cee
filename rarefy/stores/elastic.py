"""Elasticsearch and OpenSearch, over their HTTP interface.

A document has the fields ``vector``, ``fields`` (ours) and ``known``, the names of those that have
a value. Moments are microseconds since 1970. Weights are exact in what is read back; for scores
both round them to 9 significant bits, so that a score is off by about 0.4% at most, and the best
documents may differ where they are closer than that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from rarefy.errors import InputError, StoreError, require
from rarefy.index import Documents
from rarefy.index.arguments import check_count
from rarefy.index.vectors import canonical
from rarefy.stores.conditions import microseconds, moment, translated
from rarefy.stores.rows import from_mappings
from rarefy.stores.secrets import parted
from rarefy.stores.store import CONNECTING, Found, Schema, asking

__all__ = ["Elastic", "Product"]

LONGEST_ID, LONGEST_KEYWORD = 512, 8191
"""Bytes of an id; characters of a text that can be filtered by."""
MOST, MOST_TERMS = 10_000, 1024
"""Documents of an answer; terms of a query to OpenSearch."""
SCROLL = "5m"
OLDEST, HIDING, NEWEST = (8, 15), (9, 2), (99, 0)
"""Versions of Elasticsearch: the first that has our queries; the first that leaves vectors out of
what it returns, unless it is told; and what serverless counts as, whatever number it gives."""
NAME = re.compile(r'[^\s\\/*?"<>|,#:%A-Z+_.-][^\s\\/*?"<>|,#:%A-Z]*')
"""An index by itself: patterns and lists name others too, and other paths do other things."""
TYPES = {
    "bool": {"type": "boolean"},
    "int": {"type": "long"},
    "float": {"type": "double"},
    "str": {"type": "keyword", "ignore_above": LONGEST_KEYWORD},
    "datetime": {"type": "long"},
    "list of str": {"type": "keyword", "ignore_above": LONGEST_KEYWORD},
}
Product = Literal["elasticsearch", "opensearch"]
"""What runs at an address."""


class Elastic:
    """An index of an Elasticsearch (8.15 or newer) or OpenSearch cluster.

    Parameters
    ----------
    address
        ``"https://user:password@host:9200"``.
    index
        Its name.
    product
        ``"elasticsearch"``, which has sparse vectors, or ``"opensearch"``, where they are rank
        features.
    token
        A key, sent as ``Authorization: ApiKey``.
    timeout
        Seconds that an answer may take.
    transport
        What sends requests, as httpx has it; by default the network.
    """

    def __init__(
        self,
        address: str,
        index: str,
        *,
        product: Product = "elasticsearch",
        token: str = "",
        timeout: float = 30.0,
        transport: Any = None,
    ) -> None:
        self._httpx = require("httpx", "elastic")
        if not NAME.fullmatch(index):
            raise InputError(
                f"{index!r} is no name of an index: use lower case letters, digits, -, _ and ., "
                f"the first a letter or a digit"
            )
        self._index, self._product = index, product
        self._known: Schema | None = None
        address, user, password = parted(address)  # httpx logs the addresses of requests
        headers = {"Authorization": f"ApiKey {token}"} if token else {}
        self._client = self._httpx.Client(
            base_url=address,
            auth=(user, password) if user and not token else None,
            headers=headers,
            timeout=self._httpx.Timeout(timeout, connect=min(timeout, CONNECTING)),
            transport=transport,
        )
        self.where = f"{product} {self._client.base_url.host} {index}"

    def create(self, schema: Schema) -> None:
        """Make the index; see `VectorStore.create`."""
        if self._description() is not None:
            schema.check_same(self.schema(), self.where)
            return
        kind = "sparse_vector" if self._product == "elasticsearch" else "rank_features"
        properties = {
            "vector": {"type": kind},
            "known": {"type": "keyword"},
            "fields": {"properties": {name: TYPES[of] for name, of in schema.fields.items()}},
        }
        body: dict[str, Any] = {
            "mappings": {
                "dynamic": False,
                "_meta": {"description": schema.to_json()},
                "properties": properties,
            }
        }
        if self._product == "elasticsearch" and self._version() >= HIDING:
            body["settings"] = {"index.mapping.exclude_source_vectors": False}
        self._ask("PUT", f"/{self._index}", body)

    def schema(self) -> Schema:
        """Return what the index was made with."""
        if self._known is None:
            found = self._description()
            if found is None:
                raise InputError(f"{self.where}: there is no such index; make it by create")
            self._known = Schema.from_json(found, self.where)
        return self._known

    def upsert(self, documents: Documents) -> None:
        """Add or replace documents; see `VectorStore.upsert`."""
        schema = self.schema()
        schema.check_finite(documents, self.where)
        vectors = canonical(documents.vectors, width=schema.vocabulary_size)
        lines: list[dict[str, Any]] = []
        for i, (name, values) in enumerate(zip(documents.ids, documents.metadata, strict=True)):
            if not 0 < len(name.encode()) <= LONGEST_ID:
                raise InputError(
                    f"{self.where}: {name[:80]!r} is an id of {len(name.encode())} bytes; "
                    f"expected 1 to {LONGEST_ID}"
                )
            columns, weights = vectors.row(i)
            entries = zip(map(str, columns.tolist()), weights.tolist(), strict=True)
            stored = {
                of: _stored(value, schema.fields[of])
                for of, value in values.items()
                if value is not None
            }
            document = {"vector": dict(entries), "fields": stored, "known": sorted(stored)}
            lines += [{"index": {"_index": self._index, "_id": name}}, document]
        self._bulk(lines)

    def delete(self, ids: Sequence[str]) -> None:
        """Delete documents; see `VectorStore.delete`."""
        self._bulk([{"delete": {"_index": self._index, "_id": name}} for name in ids])

    def search(self, queries: Any, k: int = 10, *, filter: Any = None) -> Found:
        """Return the best documents; see `VectorStore.search`. k is at most 10,000."""
        check_count("k", k)
        schema = self.schema()
        if k > MOST:
            raise InputError(f"{self.where}: k is {k}; {MOST} documents are returned at most")
        said = None
        if filter is not None:
            said = translated(filter, schema.fields, _Language(self.where))
        vectors = canonical(queries, width=schema.vocabulary_size, what="query vectors")
        answers: list[list[tuple[str, float]]] = []
        for i in range(len(vectors)):
            columns, weights = vectors.row(i)
            if not len(columns):
                answers.append([])
                continue
            query: dict[str, Any] = {"must": [self._scored(columns.tolist(), weights.tolist())]}
            if said is not None:
                query["filter"] = [said]
            body = {"size": k, "_source": False, "query": {"bool": query}}
            found = self._ask("POST", f"/{self._index}/_search", body)
            answers.append([(hit["_id"], hit["_score"]) for hit in found["hits"]["hits"]])
        return Found.of(answers, k)

    def count(self) -> int:
        """Return how many documents there are."""
        return int(self._ask("GET", f"/{self._index}/_count")["count"])

    def documents(self, size: int = 1000) -> Iterator[Documents]:
        """Read all documents as they lie; see `VectorStore.documents`."""
        schema = self.schema()
        body = {"size": min(size, MOST), "sort": ["_doc"], "query": {"match_all": {}}}
        found = self._ask("POST", f"/{self._index}/_search?scroll={SCROLL}", body)
        try:
            while hits := found["hits"]["hits"]:
                stored = [hit["_source"] for hit in hits]
                yield Documents(
                    [hit["_id"] for hit in hits],
                    from_mappings([each["vector"] for each in stored], schema.vocabulary_size),
                    [schema.restored(each["fields"], moment) for each in stored],
                )
                body = {"scroll": SCROLL, "scroll_id": found["_scroll_id"]}
                found = self._ask("POST", "/_search/scroll", body)
        finally:
            self._ask("DELETE", "/_search/scroll", {"scroll_id": found["_scroll_id"]})

    def drop(self) -> None:
        """Delete the index."""
        self._known = None
        self._ask("DELETE", f"/{self._index}", allowed=404)

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _scored(self, columns: list[int], weights: list[float]) -> dict[str, Any]:
        """Return the query whose score is the dot product."""
        if self._product == "elasticsearch":
            vector = dict(zip(map(str, columns), weights, strict=True))
            return {"sparse_vector": {"field": "vector", "query_vector": vector, "prune": False}}
        if len(columns) > MOST_TERMS:
            raise InputError(
                f"{self.where}: a query has {len(columns)} non-zeros; OpenSearch takes "
                f"{MOST_TERMS}: keep the heaviest terms"
            )
        should = [
            {"rank_feature": {"field": f"vector.{column}", "boost": weight, "linear": {}}}
            for column, weight in zip(columns, weights, strict=True)
        ]
        return {"bool": {"should": should}}

    def _description(self) -> str | None:
        """Return what the index says of itself, empty if nothing; None if there is none."""
        found = self._ask("GET", f"/{self._index}/_mapping", allowed=404)
        if "error" in found:
            return None
        if len(found) > 1:
            raise InputError(
                f"{self.where} is an alias of {', '.join(sorted(found))}: name one of these"
            )
        mappings = [each.get("mappings") for each in found.values() if isinstance(each, dict)]
        if not mappings or not isinstance(mappings[0], dict):
            raise StoreError(
                f"{self.where} answers as no {self._product} does: {str(found)[:80]}: check the "
                f"address"
            )
        return str(mappings[0].get("_meta", {}).get("description", ""))

    def _version(self) -> tuple[int, ...]:
        """Return the version of an Elasticsearch, which is refused if it cannot do what we ask."""
        said = self._ask("GET", "/").get("version", {})
        if said.get("distribution") == "opensearch":
            raise InputError(f"{self.where} is an OpenSearch: open it as that")
        number = str(said.get("number"))
        version = tuple(map(int, re.findall(r"\d+", number)[:2]))
        if said.get("build_flavor") == "serverless":
            version = NEWEST
        if version < OLDEST:
            raise StoreError(f"{self.where} is of version {number}; use 8.15 or newer")
        return version

    def _bulk(self, lines: list[dict[str, Any]]) -> None:
        """Write; what is done is seen by all searches that begin later, of any process."""
        if not lines:
            return
        content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        found = self._ask("POST", "/_bulk?refresh=true", content=content.encode())
        for item in found["items"] if found["errors"] else ():
            (done,) = item.values()
            if "error" in done:
                raise StoreError(
                    f"{self.where} refuses the document {done['_id']!r}: "
                    f"{done['error'].get('reason', done['error'])}: check what its limits are"
                )

    def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        content: bytes | None = None,
        allowed: int = 0,
    ) -> dict[str, Any]:
        headers = {} if content is None else {"Content-Type": "application/x-ndjson"}
        with asking(self.where, self._httpx.HTTPError):
            answer = self._client.request(
                method, path, json=body, content=content, headers=headers
            )  # fmt: skip
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise StoreError(
                f"{self.where} answers with status {answer.status_code} and no JSON object: "
                f"{answer.text[:80]!r}: check the address, and what is between"
            )
        if answer.is_error and answer.status_code != allowed:
            said = found.get("error", found)
            reason = said.get("reason", said) if isinstance(said, dict) else said
            raise StoreError(
                f"{self.where} refuses with status {answer.status_code}: {str(reason)[:300]}: "
                f"check the address, the key and what its limits are"
            )
        if found.get("timed_out") or found.get("_shards", {}).get("failed"):
            raise StoreError(
                f"{self.where} answers for a part of its shards alone: check the cluster's state"
            )
        return found


def _stored(value: Any, kind: str) -> Any:
    if kind == "datetime":
        return microseconds(value)
    return value + 0.0 if kind == "float" else value  # -0.0 would differ from 0


class _Language:
    """The query language that both have in common."""

    def __init__(self, where: str) -> None:
        self.where = where

    def compared(self, name: str, kind: str, operator: str, value: Any) -> dict[str, Any]:
        if operator == "!=":
            return self._there(name, self.compared(name, kind, "==", value))
        if isinstance(value, str) and len(value) > LONGEST_KEYWORD:
            raise InputError(
                f"{self.where}: the filter has a text of {len(value)} characters; expected "
                f"{LONGEST_KEYWORD} at most"
            )
        stored = _stored(value, kind)
        if operator == "==":
            return {"term": {f"fields.{name}": {"value": stored}}}
        word = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}[operator]
        return {"range": {f"fields.{name}": {word: stored}}}

    def among(
        self, name: str, kind: str, values: Sequence[Any], negative: bool
    ) -> dict[str, Any]:  # fmt: skip
        said = [self.compared(name, kind, "==", value) for value in values]
        if negative:
            return self._there(name, *said)
        return self.joined("or", said) if said else {"match_none": {}}

    def holding(self, name: str, value: str, negative: bool) -> dict[str, Any]:
        said = self.compared(name, "str", "==", value)
        return self._there(name, said) if negative else said

    def missing(self, name: str, negative: bool) -> dict[str, Any]:
        said = {"term": {"known": {"value": name}}}
        return said if negative else {"bool": {"must_not": [said]}}

    def joined(self, word: str, terms: Sequence[dict[str, Any]]) -> dict[str, Any]:
        if word == "and":
            return {"bool": {"filter": list(terms)}}
        return {"bool": {"should": list(terms), "minimum_should_match": 1}}

    def _there(self, name: str, *untrue: dict[str, Any]) -> dict[str, Any]:
        """Say that there is a value, and that none of some conditions is true."""
        return {"bool": {"filter": [self.missing(name, True)], "must_not": list(untrue)}}
