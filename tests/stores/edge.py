"""The part of Qdrant's client that we use, over Qdrant's own engine in this process.

The engine (qdrant-edge) is the server's code for points, filters and search, of one collection;
the local mode of the client is another program, in Python. What goes in and out is as the client
has it, and nothing is left out of a filter; but truth goes in as text, as the engine's interface to
Python reads True in a condition as 1.
"""

from __future__ import annotations

import json
from types import SimpleNamespace

import qdrant_edge as edge
from qdrant_client import models


class EdgeClient:
    """Collections in a folder."""

    def __init__(self, folder):
        self.folder, self.made = folder, {}

    def collection_exists(self, name):
        return name in self.made

    def create_collection(self, name, vectors_config, sparse_vectors_config, metadata):
        sparse = {vector: edge.EdgeSparseVectorParams() for vector in sparse_vectors_config}
        folder = self.folder / f"{name}-{len(list(self.folder.iterdir()))}"
        shard = edge.EdgeShard.create(str(folder), edge.EdgeConfig(sparse_vectors=sparse))
        self.made[name] = shard, metadata

    def shard(self, name):
        if name not in self.made:
            raise ValueError(f"Collection {name} not found")
        return self.made[name][0]

    def get_collection(self, name):
        self.shard(name)
        return SimpleNamespace(config=SimpleNamespace(metadata=self.made[name][1]))

    def upsert(self, name, points, wait):
        made = [
            edge.Point(
                point.id,
                {key: sparse(each) for key, each in point.vector.items()},
                {
                    **point.payload,
                    "fields": {key: as_text(each) for key, each in point.payload["fields"].items()},
                },
            )
            for point in points
        ]
        self.shard(name).update(edge.UpdateOperation.upsert_points(made))

    def delete(self, name, ids, wait):
        self.shard(name).update(edge.UpdateOperation.delete_points(ids))

    def query_batch_points(self, name, requests):
        answers = []
        for asked in requests:
            request = edge.QueryRequest(
                limit=asked.limit,
                query=edge.Query.Nearest(sparse(asked.query), using=asked.using),
                filter=condition(asked.filter) if asked.filter else None,
                with_payload=asked.with_payload,
            )
            answers.append(SimpleNamespace(points=self.shard(name).query(request)))
        return answers

    def count(self, name, exact):
        found = self.shard(name).count(edge.CountRequest(exact=exact))
        return SimpleNamespace(count=found)

    def scroll(self, name, limit, offset, with_vectors):
        records, further = self.shard(name).scroll(
            edge.ScrollRequest(
                limit=limit, offset=offset, with_payload=True, with_vector=with_vectors
            )
        )
        points = [
            SimpleNamespace(
                vector=record.vector,
                payload={**record.payload, "fields": {
                    key: TRUTH.get(each, each) if isinstance(each, str) else each
                    for key, each in record.payload["fields"].items()
                }},
            )
            for record in records
        ]  # fmt: skip
        return points, further

    def delete_collection(self, name):
        if name in self.made:
            self.made.pop(name)[0].close()

    def close(self):
        for name in list(self.made):
            self.delete_collection(name)


TRUTH = {"\0true": True, "\0false": False}


def as_text(value):
    return f"\0{json.dumps(value)}" if isinstance(value, bool) else value


def sparse(vector):
    return edge.SparseVector(vector.indices, vector.values)


def condition(said):
    """The same condition, as the engine takes it."""
    if isinstance(said, models.Filter):
        assert said.min_should is None
        parts = {
            name: [condition(each) for each in getattr(said, name)]
            for name in ("must", "should", "must_not")
            if getattr(said, name) is not None
        }
        return edge.Filter(**parts)
    if isinstance(said, models.IsNullCondition):
        return edge.IsNullCondition(said.is_null.key)
    assert isinstance(said, models.FieldCondition)
    if said.match is not None:
        return edge.FieldCondition(said.key, match=edge.MatchValue(as_text(said.match.value)))
    bounds = said.range.model_dump(exclude_none=True)
    if isinstance(said.range, models.DatetimeRange):
        moments = {name: bound.isoformat() for name, bound in bounds.items()}
        return edge.FieldCondition(said.key, range=edge.RangeDateTime(**moments))
    return edge.FieldCondition(said.key, range=edge.RangeFloat(**bounds))
