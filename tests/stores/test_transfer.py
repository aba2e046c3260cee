"""Push and pull: what comes back is what went, whatever happens on the way."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

from rarefy.errors import InputError, StoreError
from rarefy.index import Index, Writer, read_documents
from rarefy.stores import Schema, open_store, pull, push


@pytest.fixture(scope="module")
def index():
    rng = np.random.default_rng(3)
    matrix = scipy.sparse.random_array((25, 40), density=0.2, rng=rng, dtype=np.float32).tocsr()
    texts = [f"text {i}" if i % 3 else None for i in range(25)]
    return Index.build(matrix, ids=[f"d{i}" for i in range(25)], metadata={"text": texts})


def contents(index):
    return {
        name: (vector.toarray().tolist(), record)
        for part in read_documents(index)
        for name, vector, record in zip(part.ids, part.vectors, part.metadata, strict=True)
    }


def test_there_and_back(store, index, tmp_path):
    seen = []
    assert push(index, store, size=10, report=seen.append) == 25
    assert seen == [10, 20, 25]
    assert pull(store, tmp_path / "copy", size=7) == 25
    assert contents(Index.open(tmp_path / "copy")) == contents(index)
    assert push(index, store) == 25  # again: documents are replaced
    assert pull(store, tmp_path / "copy") == 25
    assert contents(Index.open(tmp_path / "copy")) == contents(index)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_numbers_are_kept_or_refused(store, tmp_path, value):
    index = Index.build(np_csr([[1.0]]), metadata={"real": [value]})
    try:
        push(index, store)
    except InputError as error:
        assert f"has real = {value}" in str(error)
        assert store.count() == 0
    else:
        pull(store, tmp_path / "copy")
        assert contents(Index.open(tmp_path / "copy")) == contents(index)


class Flaky:
    """A store that goes away after a number of portions."""

    def __init__(self, store, portions):
        self.store, self.portions = store, portions

    def create(self, schema):
        self.store.create(schema)

    def upsert(self, documents):
        if not self.portions:
            raise StoreError("the line is cut")
        self.portions -= 1
        self.store.upsert(documents)


def test_a_push_that_was_cut_off_goes_on(opened, index):
    store = opened("qdrant")
    with pytest.raises(StoreError, match="20 rows are done: go on with start=20"):
        push(index, Flaky(store, 2), size=10)
    assert store.count() == 20
    assert push(index, store, start=20) == 5
    assert store.count() == 25
    with pytest.raises(InputError, match="start is 26"):
        push(index, store, start=26)


def test_a_live_index_is_pushed_without_what_was_deleted(opened, index, tmp_path):
    with Writer(tmp_path / "live", vocabulary_size=40) as writer:
        for part in read_documents(index, 10):
            writer.upsert(part.ids, part.vectors)
            writer.commit()
        writer.delete(["d3", "d24"])
    live = Index.open(tmp_path / "live")
    store = opened("qdrant")
    push(live, store, size=6)
    assert store.count() == 23
    ids = [name for part in read_documents(live, 6, start=5) for name in part.ids]
    assert ids == live.ids[5:]


def test_a_compact_index_gives_its_rounded_weights(index):
    matrix = scipy.sparse.vstack([part.vectors for part in read_documents(index, 10)])
    compact = Index.build(matrix, compact=True)
    (part,) = read_documents(compact)
    assert not np.array_equal(part.vectors.toarray(), matrix.toarray())
    query = matrix[[0]]
    exact = (part.vectors @ query.T).toarray().ravel()
    hits = compact.search(query, k=25)
    np.testing.assert_allclose(hits.scores[0][hits.rows[0] >= 0], np.sort(exact[exact > 0])[::-1])


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nowhere", "'nowhere' names no store; expected one of milvus://HOST"),
        ("milvus://host:19530", "names no store"),
        ("milvus:file/collection", "names no store"),
        ("redis://host/x", "names no store"),
        ("postgresql://host/table", "names no store"),
        ("elasticsearch://[::1/x", "names no store"),
        ("elasticsearch://host:abc/x", "names no store"),
        ("milvus://host:99999/x", "names no store"),
        ("postgresql://host:1,other:x/db/table", "names no store"),
        ("qdrant://host/x#y", "names no store"),
        ("qdrant://me:secret@host/x", "Qdrant knows keys alone"),
        ("postgresql://host/db/table?ef_search=²", "ef_search is '²'; expected a whole number"),
        ("postgresql://host/db/table?index=ivf", "index is 'ivf'; expected None or 'hnsw'"),
        ("postgresql://host/db/table?ef_search=0", "ef_search is 0; expected 1 to 1000"),
        ("postgresql://host/db/table?ef_search=x", "ef_search is 'x'; expected a whole number"),
    ],
)
def test_addresses_of_no_store(address, message):
    for module in ("pymilvus", "qdrant_client", "psycopg"):
        pytest.importorskip(module)
    with pytest.raises(InputError, match=message):
        open_store(address)


@pytest.mark.parametrize(
    "address",
    [
        "qdrant://127.0.0.1:9/x",
        "milvus://127.0.0.1:9/x",
        "postgresql://u@127.0.0.1:9/db/x?connect_timeout=2",
    ],
)
def test_a_store_that_does_not_answer(address, index, monkeypatch):
    for module in ("pymilvus", "qdrant_client", "psycopg"):
        pytest.importorskip(module)
    from rarefy.stores.milvus import Milvus

    monkeypatch.setattr(Milvus.__init__, "__kwdefaults__", {"token": "", "timeout": 1.0})
    with pytest.raises(StoreError, match="cannot be reached"):
        push(index, open_store(address))


@pytest.mark.parametrize(
    "address",
    [
        "elasticsearch://me:SECRET@127.0.0.1:9/x",
        "elasticsearch://me:SECRET#1@127.0.0.1:9/x",
        "elasticsearch://me:SECRET/@127.0.0.1:9/x",
        "milvus://me:SECRET@127.0.0.1:9/x",
        "qdrant://me:SECRET@127.0.0.1:9/x",
        "postgresql://me:SECRET@127.0.0.1:9/db/x",
        "postgresql://me:SECRET%zz@127.0.0.1:9/db/x",
        "postgresql://me@127.0.0.1:9/db/x?password=SECRET%zz",
        "postgresql://me@127.0.0.1:9/db/x?password=SECRET&index=none",
        "redis://me:SECRET@host:9/x",
        "redis://:SECRET @/?host/x",
        "redis://me@there:SECRET@host:9/x",
        "redis://there/me:SECRET@host:9/x",
    ],
)
def test_passwords_are_not_shown(address, index, caplog):
    for module in ("pymilvus", "qdrant_client", "psycopg", "httpx"):
        pytest.importorskip(module)
    caplog.set_level("DEBUG")
    with pytest.raises((InputError, StoreError)) as caught:
        push(index, open_store(address))
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))
    assert "SECRET" not in caplog.text


def test_passwords_are_sent(monkeypatch):
    for module in ("pymilvus", "psycopg", "httpx"):
        pytest.importorskip(module)
    import psycopg
    import pymilvus

    sent = {}
    monkeypatch.setattr(pymilvus, "MilvusClient", lambda uri, **given: sent.update(given, uri=uri))
    open_store("milvus+https://me:a%2Fb@host:1/x")
    assert (sent["uri"], sent["token"]) == ("https://host:1", "me:a/b")
    monkeypatch.setattr(psycopg, "connect", lambda uri, **given: sent.update(given, uri=uri))
    open_store("postgresql://me:a%2Fb@host:1,other/db/x?sslmode=require")
    assert sent["uri"] == "postgresql://host:1,other/db?sslmode=require"
    assert (sent["user"], sent["password"]) == ("me", "a/b")
    client = open_store("opensearch://me:a%2Fb@host:1/x")._client
    (request,) = client.auth.auth_flow(client.build_request("GET", "/"))
    assert str(request.url) == "http://host:1/"
    assert request.headers["authorization"] == "Basic bWU6YS9i"


def test_an_older_qdrant_is_refused(opened, monkeypatch):
    store = opened("qdrant")
    make = store._client.create_collection
    monkeypatch.setattr(
        store._client, "create_collection", lambda *a, metadata, **given: make(*a, **given)
    )
    with pytest.raises(StoreError, match=r"use Qdrant 1\.16 or newer"):
        store.create(Schema(4))
    assert not store._client.collection_exists(store._collection)


def test_a_collection_of_others(opened, addresses):
    import psycopg

    store = opened("postgres", "others")
    with psycopg.connect(addresses("postgres"), autocommit=True) as connection:
        connection.execute("CREATE TABLE others (a int)")
    with pytest.raises(InputError, match="was not made by rarefy"):
        store.create(Schema(40))


def test_postgres_limits(opened, index):
    wide = scipy.sparse.csr_array(np.ones((1, 16_001), np.float32))
    store = opened("postgres")
    store.create(Schema(16_001))
    with pytest.raises(InputError, match="has 16001 non-zeros; pgvector takes 16000: keep"):
        push(Index.build(wide), store)
    graph = opened("postgres", index="hnsw")
    with pytest.raises(InputError, match="takes 1000 in an HNSW index"):
        push(Index.build(wide[:, :1001]), graph)
    with pytest.raises(InputError, match="a field is named 'id'"):
        opened("postgres").create(Schema(40, {"id": "str"}))
    with pytest.raises(InputError, match="has the character 0"):
        push(Index.build(wide[:, :40], metadata={"text": ["\0"]}), opened("postgres"))
    with pytest.raises(InputError, match="has the character 0"):
        push(Index.build(wide[:, :40], metadata={"tags": [["a\0"]]}), opened("postgres"))
    with pytest.raises(InputError, match="pgvector takes 1000000000"):
        opened("postgres").create(Schema(2**31))


@pytest.mark.parametrize(
    ("name", "kind", "longest"),
    [("x" * 64, None, 63), ("日" * 22, None, 63), ("x" * 59, "hnsw", 58), ("a%s", None, 63)],
)
def test_postgres_names_that_would_become_others(opened, name, kind, longest):
    with pytest.raises(InputError, match=f"has 1 to {longest} bytes, no %"):
        opened("postgres", name, index=kind)


@pytest.mark.parametrize("name", ["x" * 58, 'a"b', "it's {}; --"])
def test_postgres_tables_of_any_other_name(opened, index, name):
    store = opened("postgres", name, index="hnsw")
    assert push(index, store) == 25
    made = store._connection.execute(
        "SELECT indexname FROM pg_indexes WHERE tablename = %s AND indexdef ~ 'hnsw'", [name]
    )
    assert made.fetchall() == [(f"{name}_hnsw",)]


def test_postgres_hnsw_finds_most(opened):
    rng = np.random.default_rng(0)
    matrix = scipy.sparse.random_array((500, 300), density=0.05, rng=rng, dtype=np.float32).tocsr()
    matrix = matrix[np.diff(matrix.indptr) > 0]
    index = Index.build(matrix, metadata={"even": [i % 2 == 0 for i in range(matrix.shape[0])]})
    store = opened("postgres", index="hnsw")
    push(index, store)
    queries = matrix[:20]
    for filter in (None, "even"):
        found, hits = store.search(queries, filter=filter), index.search(queries, filter=filter)
        shares = [len(set(a) & set(b)) / 10 for a, b in zip(found.ids, hits.ids, strict=True)]
        assert np.mean(shares) > 0.8


def test_a_graph_over_documents_that_are_there_takes_its_time(opened, monkeypatch):
    rng = np.random.default_rng(0)
    matrix = scipy.sparse.random_array((500, 300), density=0.2, rng=rng, dtype=np.float32).tocsr()
    plain = opened("postgres")
    push(Index.build(matrix), plain)
    schema = plain.schema()
    graph = opened("postgres", plain._name, index="hnsw")
    graph._connection.execute("SET statement_timeout = '20ms'")
    monkeypatch.setattr(graph, "_description", schema.to_json)
    graph.create(schema)
    made = "SELECT count(*) FROM pg_indexes WHERE tablename = %s AND indexdef ~ 'hnsw'"
    assert plain._connection.execute(made, [plain._name]).fetchone() == (1,)


@pytest.mark.parametrize("name", ["it's", 'say "x"', "back\\slash", "a\nb", "a\rb", "a\0b"])
def test_milvus_takes_no_id_that_it_cannot_read_back(opened, name):
    with pytest.raises(InputError, match="an id with a quote"):
        push(Index.build(np_csr([[1.0]]), ids=[name]), opened("milvus"))


def test_an_id_is_no_condition(store):
    push(Index.build(np_csr([[1.0], [2.0]]), ids=["a", "b"]), store)
    store.delete(["x'] or id in ['a", "x' OR true --", "\\"])
    assert store.count() == 2


def test_milvus_limits(opened):
    index = Index.build(np_csr([[1.0]]), metadata={"text": ["x" * 70_000]})
    with pytest.raises(InputError, match=r"the metadata of '0' has \d+ bytes; Milvus takes 65535"):
        push(index, opened("milvus"))
    index = Index.build(np_csr([[1.0]]), metadata={"text": ["日" * 21_000]})
    assert push(index, opened("milvus")) == 1
    store = opened("milvus")
    push(Index.build(np_csr([[1.0]])), store)
    with pytest.raises(InputError, match="k is 16385"):
        store.search(np_csr([[1.0]]), 16_385)


def test_qdrant_compares_no_text_and_no_large_numbers(opened):
    index = Index.build(np_csr([[1.0]]), metadata={"text": ["x"], "n": [2**60]})
    store = opened("qdrant")
    push(index, store)
    with pytest.raises(InputError, match="compares text by == and != alone"):
        store.search(np_csr([[1.0]]), filter="text < 'y'")
    with pytest.raises(InputError, match=r"compares whole numbers below 2\*\*53"):
        store.search(np_csr([[1.0]]), filter=f"n == {2**60}")


def np_csr(rows):
    return scipy.sparse.csr_array(np.array(rows, np.float32))


def test_the_code_of_the_docs_runs():
    pytest.importorskip("qdrant_client")
    text = (Path(__file__).parents[2] / "docs" / "stores.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    namespace = {}
    exec(block, namespace)
    found = namespace["store"].search(namespace["sp"].csr_array(np.ones((1, 8), np.float32)), k=2)
    assert found.scores[0].tolist() == [1, 1]
