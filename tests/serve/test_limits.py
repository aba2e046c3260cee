"""How much, how often and how long clients may ask."""

import asyncio
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rarefy.errors import InputError
from rarefy.serve import Limits
from rarefy.serve.app import THREADS
from rarefy.serve.batching import Batches
from rarefy.serve.bodies import Change, Deletion, Document
from rarefy.serve.operations import LARGE, Operation, Operations
from rarefy.serve.problems import Problem

READ, WRITE = "r" * 16, "w" * 16
KEYS = [f"read {READ}", f"write {WRITE}"]
SEARCH = {"text": "cat"}


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def code(answer):
    return answer.status, answer.content["error"]["code"]


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/search", {"text": "cat", "k": 11}, "k is 11, at most 10"),
        ("/search", {"text": "a" * 51}, "51 characters, at most 50"),
        ("/search", {"text": "cat", "filter": "year == 1 or " * 9}, "117 characters, at most 60"),
        ("/search", {"vector": {"columns": [0] * 5, "weights": [1] * 5}}, "5 entries, at most 4"),
        ("/search/batch", {"queries": [SEARCH] * 4}, "4 queries, at most 3"),
        ("/search/batch", {"queries": [{"text": "a" * 51}]}, "51 characters"),
        ("/documents", {"documents": [{"id": str(n), "text": "a"} for n in range(3)]}, "at most 2"),
        ("/documents/delete", {"ids": ["a", "b", "c"]}, "3 documents, at most 2"),
    ],
)
def test_each_limit_is_named(start, path, body, named):
    served = start(
        k=10, text_characters=50, filter_characters=60, vector_entries=4, queries=3, documents=2
    )
    answer = served.post(path, body)
    assert code(answer) == (422, "invalid")
    assert named in answer.content["error"]["message"]


@pytest.mark.parametrize("text", [
    "(" * 60 + "year == 1" + ")" * 60, "not " * 2000 + "year == 1", "((((" * 2000,
    "year in (" + ",".join(map(str, range(1500))) + ")", " or ".join(["year == 1"] * 700),
    "'" * 9999, "year == " + "9" * 9000, "year == 1e999", "__import__('os')", "year == 1; drop",
])  # fmt: skip
def test_filters_are_no_bombs(shared, text):
    began = time.monotonic()
    answer = shared.post("/search", {"text": "cat", "filter": text})
    assert answer.status in (200, 422)
    assert time.monotonic() - began < 5


def test_requests_beyond_the_rate_wait(start):
    served = start(keys=KEYS, requests_per_second=0.5, burst=2)
    statuses = [served.post("/search", SEARCH, headers=bearer(READ)).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    answer = served.post("/search", SEARCH, headers=bearer(READ))
    assert code(answer) == (429, "too_many")
    assert 1 <= int(answer.headers["Retry-After"]) <= 2
    spaced = [served.post("/search", SEARCH, headers=bearer(f"{' ' * n}{READ}")) for n in (1, 2)]
    assert [answer.status for answer in spaced] == [429] * 2
    assert served.post("/search", SEARCH, headers=bearer(WRITE)).status == 200
    assert served.get("/health").status == 200


def test_requests_beyond_the_number_are_refused(start, monkeypatch):
    served = start(concurrent=2)
    release = threading.Event()
    search = served.search.search
    monkeypatch.setattr(
        served.search, "search", lambda *a, **o: (release.wait(10), search(*a, **o))[1]
    )
    statuses = []
    clients = [
        threading.Thread(target=lambda: statuses.append(served.post("/search", SEARCH).status))
        for _ in range(5)
    ]
    for client in clients:
        client.start()
    until = time.monotonic() + 20
    while len(statuses) < 3 and time.monotonic() < until:
        time.sleep(0.005)
    assert statuses == [429] * 3
    assert served.get("/health").status == 200
    release.set()
    for client in clients:
        client.join()
    assert sorted(statuses) == [200, 200, 429, 429, 429]
    assert served.post("/search", SEARCH).status == 200


def test_a_search_that_takes_too_long_is_given_up(start, monkeypatch):
    served = start(read_seconds=0.2)
    search = served.search.search
    monkeypatch.setattr(
        served.search, "search", lambda *a, **o: (time.sleep(0.5), search(*a, **o))[1]
    )
    assert code(served.post("/search", SEARCH)) == (408, "too_slow")
    monkeypatch.undo()
    assert served.post("/search", SEARCH).status == 200


def test_clients_that_leave_are_forgotten(served):
    body = json.dumps(SEARCH).encode()
    head = (
        f"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    for content in (head + body, head + body[:-1], head[:-2]):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", served.port)) as link:
                link.sendall(content)
    until = time.monotonic() + 5
    while b"rarefy_requests_running 1.0" not in served.get("/metrics").content:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_fields_are_limited_as_each_is_one_of_all_documents(start):
    served = start(fields=4)  # of which year and text are there

    def put(**metadata):
        document = {"id": json.dumps(metadata), "text": "cat", "metadata": metadata}
        return served.post("/documents", {"documents": [document]})

    assert put(lang="en", open=True).status == 200
    answer = put(lang="en", other=1)
    assert code(answer) == (422, "invalid")
    assert "would have 5 fields, at most 4" in answer.content["error"]["message"]
    assert put(lang="fr").status == 200
    assert served.get("/stats").content["fields"].keys() == {"year", "text", "lang", "open"}


def test_fields_that_wait_for_a_commit_count(start):
    served = start(fields=3)  # of which year and text are there

    def put(**metadata):
        document = {"id": json.dumps(metadata), "text": "cat", "metadata": metadata}
        return served.post("/documents", {"documents": [document], "commit": False})

    assert put(lang="en").status == 200
    assert code(put(other=1)) == (422, "invalid")
    assert put(lang="fr").status == 200
    served.post("/documents/delete", {"ids": ['{"lang": "en"}', '{"lang": "fr"}']})
    assert put(other=1).status == 200


def test_limits_are_checked():
    with pytest.raises(InputError, match="limit k is 0"):
        Limits(k=0)
    with pytest.raises(InputError, match="requests_per_second is -1"):
        Limits(requests_per_second=-1)


def test_searches_that_were_given_up_leave_their_threads(start, monkeypatch):
    served = start(read_seconds=0.3)
    documents = [{"id": str(n), "text": "a cat"} for n in range(300)]
    assert served.post("/documents", {"documents": documents}).status == 200

    def slow(text):
        time.sleep(0.05)  # of 300 documents: 15 s
        return []

    monkeypatch.setattr(served.search.model, "spans", slow)
    query = {"text": "cat", "k": 300, "explain": True}
    statuses = []
    clients = [
        threading.Thread(target=lambda: statuses.append(served.post("/search", query).status))
        for _ in range(THREADS + 1)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert statuses == [408] * len(clients)
    until = time.monotonic() + 5
    while served.post("/search", {"text": "cat", "filter": "year > 0"}).status != 200:
        assert time.monotonic() < until


def test_large_bodies_are_read_in_a_thread():
    """So that other requests need not wait for it."""
    threads = []

    async def call(body):
        return body

    class Watched(Operation):
        def read(self, content):
            threads.append(threading.current_thread().name)
            return super().read(content)

    operation = Watched("/x", "tag", "Says what it is told", call, Deletion, Deletion)

    async def ask(count):
        content = json.dumps({"ids": ["a"] * count}).encode()

        async def receive():
            return {"type": "http.request", "body": content}

        async def send(message):
            sent.append(message)

        sent = []
        await operations({"type": "http", "method": "POST", "path": "/x"}, receive, send)
        assert json.loads(sent[1]["body"])["ids"] == ["a"] * count

    with ThreadPoolExecutor(1, thread_name_prefix="reading") as pool:
        operations = Operations(None, [operation], pool)
        for count in (1, 100_000):
            asyncio.run(ask(count))
    assert [name.startswith("reading") for name in threads] == [False, True]


@pytest.mark.parametrize("body", [
    {"documents": [{"id": "a", "text": "b"}], "commit": False}, {"documents": [{"id": "a"}]},
    {"documents": []}, {"documents": 3}, {"commit": True}, {"documents": [3]}, [], "a",
    {"documents": [{"id": "a", "text": "b"}], "unknown": 1},
    {"documents": [{"id": "a", "text": "b"}], "commit": 1},
])  # fmt: skip
def test_a_body_in_pieces_is_read_as_a_whole_one(body):
    pieces = ("documents", Document)
    operation = Operation("/documents", "changes", "", None, Change, Change, pieces)
    short = json.dumps(body).encode()
    found = []
    for content in (short, short + b" " * LARGE):
        try:
            found.append(operation.read(content))
        except Problem as problem:
            found.append(problem.status)
    assert found[0] == found[1]


@pytest.mark.parametrize("end", [b"", b"]", b"}", b'"', b"]}]", b',"commit":tru}'])
def test_a_body_in_pieces_that_ends_too_soon_is_refused(end):
    pieces = ("documents", Document)
    operation = Operation("/documents", "changes", "", None, Change, Change, pieces)
    start = b'{"documents": [{"id": "a", "text": "' + b"b" * LARGE + b'"}'
    with pytest.raises(Problem, match=r"JSON is malformed|truncated"):
        operation.read(start + end)


def test_reading_a_body_of_errors_costs_no_more_than_a_good_one():
    """One document of 100,000 fields that are none took half a second of every client's time."""
    fields = ",".join(f'"a{n}": {{}}' for n in range(100_000))
    content = f'{{"documents": [{{"id": "a", "text": "b", "metadata": {{{fields}}}}}]}}'.encode()
    operation = Operation("/documents", "changes", "", None, Change, Change)
    began = time.thread_time()
    with pytest.raises(Problem, match="got `object`"):
        operation.read(content)
    assert time.thread_time() - began < 0.05


def test_queries_that_are_given_up_are_not_tried_again():
    asked = []

    def encode(texts):
        asked.append(list(texts))
        if len(texts) > 1:
            time.sleep(0.2)
        raise InputError("one of them cannot be read")

    async def run():
        batches = Batches(encode, len)
        first = asyncio.ensure_future(batches.vector("a"))
        others = [asyncio.ensure_future(batches.vector(text)) for text in "bc"]
        while len(asked) < 1 or len(asked[-1]) < 2:
            await asyncio.sleep(0.01)
        others[0].cancel()
        found = await asyncio.gather(first, *others, return_exceptions=True)
        batches.close()
        return found

    found = asyncio.run(run())
    assert [type(each) for each in found] == [InputError, asyncio.CancelledError, InputError]
    assert asked[-1] == ["c"]
    assert ["b"] not in asked
