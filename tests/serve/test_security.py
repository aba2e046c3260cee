"""What a hostile client, or a hostile page in a friendly browser, cannot do."""

import gzip
import json
import socket
import time
from contextlib import suppress

import pytest

from rarefy.errors import InputError
from rarefy.serve import Keys, create_app
from rarefy.serve.server import check_address

READ, WRITE = "r" * 16, "w" * 16
KEYS = [f"read {READ}", f"write {WRITE}", "# a comment", ""]
SEARCH = {"text": "cat"}
DOCUMENT = {"documents": [{"id": "new", "text": "a cat"}]}


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def code(answer):
    return answer.status, answer.content["error"]["code"]


# Who may ask.


def test_only_keys_open_the_index(start):
    served = start(keys=KEYS)
    for headers in ({}, bearer("x" * 16), bearer(""), bearer(READ + "x"), bearer(READ[:-1]),
                    {"Authorization": READ}, {"Authorization": f"Basic {READ}"},
                    {"X-Api-Key": READ}, bearer("\xff" * 16)):  # fmt: skip
        for method, path in [("POST", "/search"), ("GET", "/stats"), ("GET", "/metrics"),
                             ("POST", "/documents"), ("GET", "/nothing")]:  # fmt: skip
            answer = served.ask(method, path, SEARCH, headers=headers)
            assert code(answer) == (401, "no_key"), (headers, path)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert served.post("/search", SEARCH, headers=bearer(READ)).status == 200
    assert served.post("/search", SEARCH, headers=bearer(WRITE)).status == 200
    for path in ("/", "/health", "/ready", "/openapi.json"):
        assert served.get(path).status == 200


def test_a_key_that_reads_does_not_write(start):
    served = start(keys=KEYS)
    changes = [("/documents", DOCUMENT), ("/documents/delete", {"ids": ["cat"]}), ("/commit", None)]
    for path, body in changes:
        assert code(served.post(path, body, headers=bearer(READ))) == (403, "not_allowed")
    assert len(served.search) == 3
    for path, body in changes:
        assert served.post(path, body, headers=bearer(WRITE)).status == 200


def test_paths_that_look_like_others_are_not_let_through(start):
    """What the gate takes for an open path is what the routes take for it."""
    served = start(keys=KEYS)
    for path in ("//documents", "/documents/", "/Documents", "/%64ocuments", "/health/../documents",
                 "/documents%2F", "/documents;x", "/search/../documents"):  # fmt: skip
        answer = served.post(path, DOCUMENT)
        assert answer.status in (401, 404, 405), path
        answer = served.post(path, DOCUMENT, headers=bearer(READ))
        assert answer.status in (403, 404, 405), path
    assert len(served.search) == 3


def test_keys_are_compared_whole_and_kept_as_digests():
    keys = Keys(KEYS)
    assert (keys.role(READ.encode()), keys.role(WRITE.encode())) == ("read", "write")
    assert keys.role(b"") is None
    assert READ not in str(vars(keys))
    assert Keys([f"read {READ}", f"write {READ}"]).role(READ.encode()) == "write"


@pytest.mark.parametrize(
    "entry", ["admin " + READ, "read short", READ, f"read {READ} {READ}", "read ключключключключ"]
)
def test_a_key_that_cannot_be_used_is_named_without_being_repeated(entry):
    with pytest.raises(InputError, match="key 1 cannot be used") as error:
        Keys([entry])
    assert entry.split()[-1] not in str(error.value)


def test_keys_come_from_a_file_and_from_a_text(tmp_path):
    file = tmp_path / "keys"
    file.write_text("\n".join(KEYS))
    keys = Keys.read(file, f"read {'e' * 20},")
    assert len(keys) == 3
    assert keys.role(b"e" * 20) == "read"
    with pytest.raises(InputError, match="cannot be read"):
        Keys.read(tmp_path / "missing")


def test_without_keys_only_this_machine_is_served(served, tmp_path):
    for host in ("0.0.0.0", "::", "192.168.1.1", "example.org", ""):
        with pytest.raises(InputError, match="no API keys"):
            check_address(host, None)
        check_address(host, Keys(KEYS))
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        check_address(host, None)
    with pytest.raises(InputError, match="keys is empty"):
        create_app(served.search, keys=Keys())


# Pages of other sites.


def test_a_name_that_was_made_to_mean_this_machine_is_refused(shared):
    for host in ("evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil",
                 "[::2]", "localhost:x", "a@localhost", ""):  # fmt: skip
        answer = shared.post("/search", SEARCH, headers={"Host": host})
        assert code(answer) == (421, "wrong_host"), host
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]", "[::1]:8000"):
        assert shared.post("/search", SEARCH, headers={"Host": host}).status == 200, host


def test_another_site_can_neither_write_nor_read(served):
    for site in ("cross-site", "same-site"):
        answer = served.post("/documents", DOCUMENT, headers={"Sec-Fetch-Site": site})
        assert code(answer) == (403, "not_allowed")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = served.post("/documents", DOCUMENT, headers={"Content-Type": kind})
        assert code(answer) == (415, "unsupported_media_type")
    preflight = served.ask("OPTIONS", "/documents", headers={
        "Origin": "https://evil.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type"})  # fmt: skip
    assert preflight.status == 405
    answer = served.post("/search", SEARCH, headers={"Origin": "https://evil.example"})
    for found in (preflight, answer):
        assert not [name for name in found.headers if name.lower().startswith("access-control")]
    assert len(served.search) == 3


def test_every_answer_tells_browsers_to_be_careful(shared):
    for answer in (shared.get("/"), shared.get("/nothing"), shared.post("/search", {"k": 0})):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Server" not in answer.headers or answer.headers["Server"] == "uvicorn"


# Paths and heads.


@pytest.mark.parametrize("path", [
    "/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
    "/page/../../pyproject.toml", "/page.js/../../gate.py", "/page.js%00.html", "/static/page.js",
    "/..\\..\\windows", "/page/index.html", "/.git/config", "/docs", "/redoc",
])  # fmt: skip
def test_no_path_reaches_the_file_system(shared, path):
    raw = shared.talk(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    assert raw.split(b" ", 2)[1] in (b"404", b"400")
    assert b"root:" not in raw
    assert b"import" not in raw


def test_ids_and_fields_are_no_paths(served, tmp_path):
    name = "../../outside"
    assert served.post("/documents", {"documents": [{"id": name, "text": "cat"}]}).status == 200
    assert not list(tmp_path.rglob("*outside*"))
    assert served.post("/search", {"text": "cat", "fields": ["../text"]}).status == 422


def test_no_name_of_a_picture_reaches_the_file_system(served, monkeypatch):
    roles = frozenset({"query", "document"})
    monkeypatch.setattr(type(served.search.model), "pictured", roles)
    for path, body in [("/search", SEARCH), ("/search/batch", {"queries": [SEARCH]}),
                       ("/documents", DOCUMENT)]:  # fmt: skip
        answer = served.post(path, body)
        assert answer.status == 409
        assert "reads pictures" in answer.content["error"]["message"]
    assert len(served.search) == 3


def test_what_a_client_sends_starts_no_line_of_an_answer(shared):
    """Header injection: nothing of a request is repeated in an answer's head."""
    for path in ("/x%0d%0aSet-Cookie:%20a=b", "/search?x=%0d%0aSet-Cookie:%20a=b"):
        answer = shared.get(path)
        assert "Set-Cookie" not in answer.headers
    head = "GET /health HTTP/1.1\r\nHost: localhost\r\n{}Connection: close\r\n\r\n"
    for line in (
        "X: a\rSet-Cookie: b\r\n",
        "X: a\nSet-Cookie: b\n\r\n",
        "X\x00: a\r\n",
        "X : a\r\n",
    ):
        assert b"Set-Cookie" not in shared.talk(head.format(line).encode())


@pytest.mark.parametrize("message", [
    b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
    b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /stats HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
])  # fmt: skip
def test_malformed_requests_are_refused_and_the_server_goes_on(shared, message):
    answers = shared.talk(message, seconds=1.0)
    statuses = [line.split(b" ")[1] for line in answers.split(b"\r\n") if line.startswith(b"HTTP/")]
    assert all(status.startswith(b"4") for status in statuses)
    assert len(statuses) <= 1
    assert shared.get("/health").status == 200


def test_a_head_without_end_is_cut_off(start):
    served = start(head_seconds=0.3)
    began = time.monotonic()
    assert served.talk(b"GET / HTTP/1.1\r\nX: a", seconds=5) == b""
    assert 0.2 < time.monotonic() - began < 4
    assert b" 400 " in served.talk(b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000, seconds=5)


def test_a_body_in_chunks_has_no_tail_without_end(shared):
    head = (
        b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    for end in (b"0\r\n" + b"a: b\r\n" * 200_000, b"0\r\na: " + b"b" * 1_000_000):
        began = time.monotonic()
        with suppress(ConnectionError):  # it is closed while this still sends
            assert b" 200 " not in shared.talk(head + end, seconds=8)
        assert time.monotonic() - began < 5  # the connection is closed
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in json.dumps(SEARCH).encode())
    chunks += b"1\r\n \r\n" * 30_000 + b"0\r\na: b\r\n\r\n"
    assert b" 200 " in shared.talk(head + chunks)


def test_a_second_head_over_the_same_connection_is_cut_off_too(start):
    served = start(head_seconds=0.3)
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as link:
        link.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"alive" in link.recv(65536)
        link.sendall(b"GET /health HT")
        assert link.recv(65536) == b""


# Bodies.


@pytest.mark.parametrize("raw", [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"text": "cat"', b'{"text": NaN}', b"[" * 100_000,
    b'{"a":' * 20_000, b'"' + b"a" * 1000, b'{"text": 1}',
    b'{"text": "cat", "k": 1e400}', b'{"text": "cat", "k": ' + b"9" * 5000 + b"}",
    b'{"text": "cat", "unknown": 1}', b'{"text": "cat", "vector": {"columns": [], "weights": []}}',
    b'{"text": "cat", "k": true}', b'{"text": "cat", "k": "10"}', b'{"text": ""}', b'{"text": " "}',
    b'{"text": "cat", "fields": ["nothing"]}', b'{"text": "cat", "recall": 0}',
    b'{"text": "cat", "recall": NaN}', b'{"text": "cat", "filter": "year ="}',
    b'{"vector": {"columns": [1], "weights": [NaN]}}',
    b'{"vector": {"columns": [1], "weights": [Infinity]}}',
    b'{"vector": {"columns": [1], "weights": [-1]}}',
    b'{"vector": {"columns": [1], "weights": [1e39]}}',
    b'{"vector": {"columns": [1], "weights": [1.1e15]}}',
    b'{"vector": {"columns": [1], "weights": []}}',
    b'{"vector": {"columns": [-1], "weights": [1]}}',
    b'{"vector": {"columns": [99999999999999999999], "weights": [1]}}',
    b'{"vector": {"columns": [4294967295], "weights": [1]}}',
    b'{"vector": {"columns": [1.5], "weights": [1]}}',
])  # fmt: skip
def test_malformed_searches_are_answered_with_4xx(shared, raw):
    answer = shared.post("/search", raw=raw, headers={"Content-Type": "application/json"})
    assert answer.status in (400, 422)
    assert len(answer.content["error"]["message"]) < 1000
    assert shared.post("/search", SEARCH).status == 200


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/search", b'{"' + b"k" * 100_000 + b'": 1}'),
        ("/search", b'{"text": "cat", "fields": ["' + b"k" * 100_000 + b'"]}'),
        ("/search/batch", b'{"queries": [' + b"1," * 50_000 + b"1]}"),
        ("/search", b'{"text": "cat", ' + b",".join(b'"%d": 1' % n for n in range(50_000)) + b"}"),
        ("/documents", b'{"documents": [{"id": "a", "text": "b", "metadata": {'
         + b",".join(b'"a%d": {}' % n for n in range(10_000)) + b"}}]}"),
    ],
)  # fmt: skip
def test_reading_ends_at_the_first_error(shared, path, raw):
    answer = shared.post(path, raw=raw, headers={"Content-Type": "application/json"})
    assert code(answer) == (422, "invalid")
    assert len(answer.content["error"]["message"]) <= 2000


def test_the_largest_weights_give_scores_that_json_has(served):
    vector = {"columns": [0] * 10_000, "weights": [1e15] * 10_000}
    assert served.post("/documents", {"documents": [{"id": "v", "vector": vector}]}).status == 200
    (hit,) = served.post("/search", {"vector": vector, "k": 1}).content["hits"]
    assert hit["score"] == pytest.approx(1e38, rel=1e-3)


def test_halves_of_characters_are_no_error_of_the_server(served):
    for path, body in [
        ("/search", {"text": "\ud800"}),
        ("/search", {"text": "cat", "filter": "year == '\ud800'"}),
        ("/search", {"text": "cat", "fields": ["\ud800"]}),
        ("/search", {"\ud800": 1}),
        ("/documents/delete", {"ids": ["\ud800"]}),
        ("/documents", {"documents": [{"id": "a", "text": "\ud800"}]}),
    ]:
        answer = served.post(path, body)
        assert answer.status in (200, 422), (path, body)


@pytest.mark.parametrize("document", [
    {"id": "", "text": "a"}, {"id": 1, "text": "a"}, {"id": "a"}, {"text": "a"},
    {"id": "a", "text": "b", "metadata": {"text": "c"}},
    {"id": "a", "text": "b", "metadata": {"year": "x"}},
    {"id": "a", "text": "b", "metadata": {"year": 2**64}},
    {"id": "a", "text": "b", "metadata": {"year": {"deep": {}}}},
    {"id": "a", "text": "b", "metadata": {"a b": 1}},
    {"id": "a", "text": "b", "metadata": {"and": 1}},
    {"id": "\ud800", "text": "b"}, {"id": "a", "text": "b", "metadata": {"new": None}},
    {"id": "a", "text": "b", "metadata": {"tags": ["\ud800"]}},
])  # fmt: skip
def test_malformed_documents_change_nothing(shared, document):
    for documents in ([document], [{"id": "good", "text": "a"}, document]):
        assert shared.post("/documents", {"documents": documents}).status == 422
    twice = [{"id": "a", "text": "b"}] * 2
    assert shared.post("/documents", {"documents": twice}).status == 422
    assert shared.post("/commit").status == 200
    assert len(shared.search) == 3


def test_bodies_are_limited_whether_they_say_their_length_or_not(start):
    served = start(body_bytes=1000)
    large = json.dumps({"text": "a" * 2000}).encode()
    assert code(
        served.post("/search", raw=large, headers={"Content-Type": "application/json"})
    ) == (
        413,
        "too_large",
    )
    head = (
        b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    assert b" 413 " in served.talk(head + b"7d0\r\n" + b" " * 2000 + b"\r\n")
    assert served.post("/search", SEARCH).status == 200


def test_nobody_without_a_key_has_a_body_read(start):
    served = start(keys=KEYS)
    for path in ("/", "/health", "/ready", "/openapi.json", "/search", "/nothing"):
        began = time.monotonic()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: 1000\r\nConnection: close\r\n\r\n"
        )
        assert served.talk(head.encode()).split(b" ")[1] in (b"401", b"405")
        assert time.monotonic() - began < 3


def test_compressed_bodies_are_not_opened(shared):
    bomb = gzip.compress(b" " * 10_000_000)
    for coding in ("gzip", "deflate", "br", "zstd", "identity, gzip"):
        headers = {"Content-Type": "application/json", "Content-Encoding": coding}
        assert shared.post("/search", raw=bomb, headers=headers).status == 415


def test_a_slow_body_is_given_up(start):
    served = start(body_seconds=0.3)
    head = (
        b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n"
    )
    answer = served.talk(head + b'{"te')
    assert b" 408 " in answer
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "pair",
    [
        ("Host: evil.example", "Host: localhost"),
        ("Host: localhost", "Content-Encoding: gzip", "Content-Encoding: identity"),
        ("Host: localhost", "Content-Type: text/plain", "Content-Type: application/json"),
        ("Host: localhost", "Authorization: Bearer a", "Authorization: Bearer b"),
    ],
)
def test_headers_that_are_read_once_are_given_once(shared, pair):
    head = "".join(f"{line}\r\n" for line in pair)
    answer = shared.talk(f"POST /search HTTP/1.1\r\n{head}Content-Length: 0\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"is there twice: send it once" in answer


def test_a_file_of_keys_may_come_from_any_editor(tmp_path):
    key = "0123456789abcdef"
    (tmp_path / "keys").write_bytes(f"\ufeffread {key}\r\nwrite {key}2\r\n".encode())
    keys = Keys.read(tmp_path / "keys")
    assert (keys.role(key.encode()), keys.role(f"{key}2".encode())) == ("read", "write")
