"""How much, how often and how long clients may ask."""

import json
import socket
import threading
import time

import pytest

from rarefy.errors import InputError
from rarefy.serve import Limits

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


def test_limits_are_checked():
    with pytest.raises(InputError, match="limit k is 0"):
        Limits(k=0)
    with pytest.raises(InputError, match="requests_per_second is -1"):
        Limits(requests_per_second=-1)
