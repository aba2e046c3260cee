"""Requests to Elasticsearch and OpenSearch, checked against what their own clients know."""

from __future__ import annotations

import httpx
import numpy as np
import pytest
import scipy.sparse

from rarefy.errors import InputError, StoreError
from rarefy.index import Documents, Index, read_documents
from rarefy.stores import Elastic, Schema, open_store, push

FILTERS = [
    "year > 2000", "not year in (1, 2)", "text == 'a' or text is null", "'x' in tags",
    "not 'x' in tags and not real <= 0.5", "truth", "moment < '2020-01-01'", "year in ()",
]  # fmt: skip
FIELDS = {
    "year": "int", "text": "str", "tags": "list of str", "real": "float", "truth": "bool",
    "moment": "datetime",
}  # fmt: skip
QUERY = scipy.sparse.csr_array(np.array([[0.5, 0, 2.0, 0]], np.float32))


def bodies(store):
    """What making an index and searching sends."""
    store.create(Schema(4, FIELDS))
    for filter in [None, *FILTERS]:
        store.search(QUERY, 5, filter=filter)
    return store.cluster.bodies


def test_elasticsearch_knows_the_queries_and_the_mapping(opened):
    dsl = pytest.importorskip("elasticsearch.dsl")
    made, *searches = bodies(opened("elasticsearch"))
    for body in searches:
        query = dsl.query.Q(body["query"])
        assert query.to_dict() == body["query"]
    (first,) = dsl.query.Q(searches[0]["query"]).must
    assert isinstance(first, dsl.query.SparseVector)
    assert first.query_vector.to_dict() == {"0": 0.5, "2": 2.0}
    mapping = made["mappings"]["properties"]
    flat = {**mapping, **mapping["fields"]["properties"]}
    for name, field in flat.items():
        if name != "fields":
            kind = {k: v for k, v in field.items() if k != "type"}
            assert dsl.field.construct_field(field["type"], **kind).to_dict() == field
    assert made["settings"] == {"index.mapping.exclude_source_vectors": False}


def test_opensearch_knows_the_queries_and_the_mapping(opened):
    known = pytest.importorskip("opensearchpy")
    made, *searches = bodies(opened("opensearch"))
    for body in searches:
        assert known.Q(body["query"]).to_dict() == body["query"]
    (scored,) = searches[0]["query"]["bool"]["must"]
    first, second = known.Q(scored).should
    assert type(first).__name__ == "RankFeature"
    assert (first.field, first.boost, first.linear) == ("vector.0", 0.5, {})
    assert (second.field, second.boost) == ("vector.2", 2.0)
    assert made["mappings"]["properties"]["vector"] == known.RankFeatures().to_dict()
    assert "settings" not in made


def test_older_servers_are_not_told_of_what_they_do_not_know(opened):
    store = opened("elasticsearch")
    store.cluster.version = {"number": "8.17.0"}
    store.create(Schema(4))
    assert "settings" not in store.cluster.bodies[0]


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ({"number": "8.14.3"}, "is of version 8.14.3; use 8.15 or newer"),
        ({"number": "7.10.2", "distribution": "opensearch"}, "is an OpenSearch"),
        ({}, "is of version None"),
    ],
)
def test_servers_that_do_not_have_what_we_ask_for(opened, version, message):
    store = opened("elasticsearch")
    store.cluster.version = version
    with pytest.raises((StoreError, InputError), match=message):
        store.create(Schema(4))
    assert store.cluster.indices == {}


def test_serverless_is_new_whatever_number_it_gives(opened):
    store = opened("elasticsearch")
    store.cluster.version = {"number": "8.11.0", "build_flavor": "serverless"}
    store.create(Schema(4))
    assert "settings" in store.cluster.bodies[0]


def test_what_was_written_is_seen_by_others_at_once(opened):
    ours = opened("elasticsearch", "shared")
    push(Index.build(QUERY), ours)
    theirs = Elastic("http://cluster:9200", "shared", transport=ours.cluster.transport)
    assert theirs.count() == 1
    assert theirs.search(QUERY, 1).ids.tolist() == [["0"]]
    ours.delete(["0"])
    assert list(theirs.documents()) == []


def test_limits(opened):
    store = opened("opensearch")
    store.create(Schema(2000, {"text": "str"}))
    with pytest.raises(InputError, match="has 1025 non-zeros; OpenSearch takes 1024"):
        store.search(scipy.sparse.csr_array((np.arange(2000) < 1025)[None].astype(np.float32)))
    with pytest.raises(InputError, match="k is 10001"):
        store.search(scipy.sparse.csr_array((1, 2000), dtype=np.float32), 10_001)
    empty = scipy.sparse.csr_array((1, 2000), dtype=np.float32)
    with pytest.raises(InputError, match="is an id of 600 bytes; expected 1 to 512"):
        store.upsert(Documents(["x" * 600], empty, [{}]))
    with pytest.raises(InputError, match="a text of 9000 characters"):
        store.search(empty, filter="text == '" + 9000 * "x" + "'")


def failing(answer):
    return Elastic("http://host:9200", "x", transport=httpx.MockTransport(answer))


def test_a_server_that_refuses():
    store = failing(lambda _: httpx.Response(401, json={"error": {"reason": "who are you"}}))
    with pytest.raises(StoreError, match="refuses with status 401: who are you"):
        store.count()
    with pytest.raises(StoreError, match="refuses with status 401"):
        store.create(Schema(4))


@pytest.mark.parametrize("name", ["*", "a,b", "docs*", "_all", "", "..", "a/b", "a?b", "a#b", "A"])
def test_a_name_is_of_one_index(name):
    with pytest.raises(InputError, match="is no name of an index"):
        Elastic("http://host:9200", name)


@pytest.mark.parametrize("part", [{"_shards": {"total": 2, "failed": 1}}, {"timed_out": True}])
def test_a_part_of_the_documents_is_an_error(part):
    """A node that is lost makes no smaller copy."""
    store = failing(lambda _: httpx.Response(200, json={"count": 1, "hits": {"hits": []}} | part))
    with pytest.raises(StoreError, match="for a part of its shards alone"):
        store.count()


@pytest.mark.parametrize("content", ["<html>", "[]", "null", '"yes"', "\xff"])
def test_a_server_that_is_something_else(content):
    store = failing(lambda _: httpx.Response(413, content=content.encode("latin-1")))
    with pytest.raises(StoreError, match="answers with status 413 and no JSON object"):
        store.count()


@pytest.mark.parametrize("answer", [{}, {"x": "y"}, {"detail": "Not Found"}, {"x": {}}])
def test_a_server_of_something_else(answer):
    with pytest.raises(StoreError, match="answers as no elasticsearch does"):
        failing(lambda _: httpx.Response(200, json=answer)).create(Schema(4))


def test_an_alias_of_several_is_no_index():
    mapping = {"mappings": {}}
    store = failing(lambda _: httpx.Response(200, json={"b": mapping, "a": mapping}))
    with pytest.raises(InputError, match="x is an alias of a, b: name one of these"):
        store.schema()


def test_a_document_that_is_refused(opened, monkeypatch):
    store = opened("elasticsearch")
    store.create(Schema(4))
    (part,) = read_documents(Index.build(QUERY))
    monkeypatch.setattr("rarefy.stores.elastic.json.dumps", lambda line, **_: bad(line))
    with pytest.raises(StoreError, match="refuses the document '0': feature must be positive"):
        store.upsert(part)


def bad(line):
    """A line of a bulk request, weights negative."""
    import json

    if "vector" in line:
        line = line | {"vector": {column: -weight for column, weight in line["vector"].items()}}
    return json.JSONEncoder().encode(line)


def test_addresses(monkeypatch):
    monkeypatch.setenv("ELASTIC_API_KEY", "secret")
    store = open_store("opensearch+https://host:9200/docs")
    assert store.where == "opensearch host docs"
    assert str(store._client.base_url) == "https://host:9200"
    assert store._client.headers["authorization"] == "ApiKey secret"
    with pytest.raises(StoreError, match=r"elasticsearch 127\.0\.0\.1 x cannot be reached"):
        push(Index.build(QUERY), open_store("elasticsearch://127.0.0.1:9/x"))
