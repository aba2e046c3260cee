"""A server of its own process's thread, and a client that sends exactly what it is told."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("pyarrow")

import uvicorn

import rarefy
from rarefy.serve import Keys, Limits, create_app
from rarefy.serve.connection import connection


class Served:
    """A running server."""

    def __init__(self, search, keys, limits):
        self.search = search
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        app = create_app(search, keys=keys, limits=limits)
        config = uvicorn.Config(
            app, http=connection(limits.head_seconds), ws="none", log_config=None, access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.005)

    def ask(self, method, path, body=None, *, headers=None, raw=None):
        """Send a request; return its status, headers and JSON (or bytes)."""
        sent = dict(headers or {})
        if raw is None and (body is not None or method == "POST"):
            raw = b"" if body is None else json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            link.request(method, path, raw, sent)
            answer = link.getresponse()
            content = answer.read()
        finally:
            link.close()
        kind = answer.headers.get_content_type()
        content = json.loads(content) if kind == "application/json" and content else content
        return SimpleNamespace(status=answer.status, headers=answer.headers, content=content)

    def post(self, path, body=None, **options):
        return self.ask("POST", path, body, **options)

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def talk(self, content, seconds=5.0):
        """Send bytes over a connection of its own; return all that comes back until it closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as link:
            link.sendall(content)
            found = b""
            try:
                while part := link.recv(65536):
                    found += part
            except (TimeoutError, ConnectionResetError):
                pass
            return found

    def stop(self):
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def start(tmp_path, note_search):
    """Start servers; they are stopped at the end."""
    running = []

    def call(*, keys=None, texts=True, **limits):
        search = note_search(tmp_path / f"index{len(running)}", texts=texts)
        running.append(Served(search, keys and Keys(keys), Limits(**limits)))
        return running[-1]

    yield call
    for served in running:
        served.stop()


@pytest.fixture
def served(start):
    return start()


@pytest.fixture(scope="session")
def served_modes(tmp_path_factory, notes):
    """A server of an index that has learned vectors, BM25 and dense vectors; left as it is."""
    pytest.importorskip("sentence_transformers")
    search = rarefy.Search(tmp_path_factory.mktemp("modes") / "index", "minilm-d2s+bm25+dense")
    texts = {**notes, "kitten": "A kitten is asleep."}
    search.add(list(texts.values()), ids=list(texts))
    running = Served(search, None, Limits())
    yield running
    running.stop()


@pytest.fixture(scope="session")
def shared(tmp_path_factory, note_search):
    """A server for tests that leave it as it is."""
    search = note_search(tmp_path_factory.mktemp("shared") / "index")
    running = Served(search, None, Limits())
    yield running
    running.stop()
