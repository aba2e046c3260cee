"""The service: what each route does, and what its answers hold."""

import asyncio
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

import rarefy
from rarefy.index import Index, Writer, tiers
from rarefy.index.replacement import Replacement
from rarefy.serve.batching import Batches
from rarefy.serve.rates import Rates


def ids(answer):
    assert answer.status == 200, answer.content
    return [hit["id"] for hit in answer.content["hits"]]


def wait_until(holds, seconds=20):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_search_by_text_gives_what_search_gives(shared):
    answer = shared.post("/search", {"text": "the matrix inverted", "k": 2, "explain": True})
    expected = shared.search.search("the matrix inverted", k=2, explain=True)
    for found, hit in zip(answer.content["hits"], expected, strict=True):
        assert found == {
            "id": hit.id,
            "score": hit.score,
            "text": hit.text,
            "metadata": hit.metadata,
            "terms": [list(each) for each in hit.terms],
            "highlights": [list(each) for each in hit.highlights],
        }
    assert {term for term, _ in answer.content["terms"]} == {"the", "matrix", "inverted"}
    assert answer.content["milliseconds"].keys() == {"encode", "search"}


def test_a_search_by_vector_gives_the_same(shared):
    row = shared.search.encode_queries(["matrix bread"])
    vector = {"columns": row.indices.tolist()[::-1], "weights": row.data.tolist()[::-1]}
    by_vector = shared.post("/search", {"vector": vector}).content["hits"]
    assert by_vector == shared.post("/search", {"text": "matrix bread"}).content["hits"]
    assert len(by_vector) == 2


def test_options_choose(shared):
    answer = shared.post("/search", {"text": "cat matrix", "filter": "year > 2019"})
    assert ids(answer) == ["matrix"]
    answer = shared.post("/search", {"text": "cat", "fields": ["year"]})
    assert answer.content["hits"][0]["metadata"] == {"year": 2019}
    assert "text" not in answer.content["hits"][0]
    answer = shared.post("/search", {"text": "cat", "fields": [], "recall": 0.9})
    assert answer.content["hits"][0].keys() == {"id", "score"}


def test_a_batch_gives_what_each_gives(shared):
    queries = [{"text": "cat"}, {"vector": {"columns": [], "weights": []}}, {"text": "bread"}]
    answer = shared.post("/search/batch", {"queries": queries, "k": 1})
    found = [[hit["id"] for hit in each["hits"]] for each in answer.content["answers"]]
    assert found == [["cat"], [], ["bread"]]


def test_changes_are_seen_when_they_are_committed(served):
    documents = [{"id": "dog", "text": "A cat and a mat.", "metadata": {"year": 2000}}]
    done = served.post("/documents", {"documents": documents})
    assert done.content == {"documents": 1, "committed": True}
    assert set(ids(served.post("/search", {"text": "cat"}))) == {"cat", "dog"}
    done = served.post("/documents/delete", {"ids": ["cat", "unknown"], "commit": False})
    assert done.content == {"documents": 1, "committed": False}
    assert set(ids(served.post("/search", {"text": "cat"}))) == {"cat", "dog"}
    assert served.post("/commit").content["committed"]
    assert ids(served.post("/search", {"text": "cat"})) == ["dog"]


def test_documents_may_come_as_vectors(served):
    vector = {"columns": [0, 3], "weights": [1, 2.5]}
    documents = [{"id": "v", "vector": vector, "text": "kept", "metadata": {"year": 1}}]
    documents.append({"id": "w", "vector": vector})
    assert served.post("/documents", {"documents": documents}).status == 200
    found = served.post("/search", {"vector": vector, "filter": "year == 1 or year is null"})
    first, second = found.content["hits"]
    assert (first["id"], first["score"], first["text"]) == ("v", 7.25, "kept")
    assert (second["id"], second["metadata"]) == ("w", {"year": None})


def test_a_server_of_vectors_alone_says_so(served, monkeypatch):
    monkeypatch.setattr(served.search._encoder, "model", None)
    for path, body in [
        ("/search", {"text": "cat"}),
        ("/documents", {"documents": [{"id": "a", "text": "a cat"}]}),
    ]:
        answer = served.post(path, body)
        assert (answer.status, answer.content["error"]["code"]) == (409, "no_model")
    assert served.get("/stats").content["model"] is None


def test_it_says_what_it_serves(shared):
    assert shared.get("/stats").content == {
        "documents": 3,
        "vocabulary": shared.search.index.vocabulary_size,
        "modes": ["sparse"],
        "fields": {"year": "int", "text": "str"},
        "model": "bm25",
        "version": rarefy.__version__,
    }
    assert shared.get("/health").content == {"status": "alive"}
    assert shared.get("/ready").content == {"status": "ready"}


def test_prometheus_can_read_its_counters(served):
    served.post("/search", {"text": "cat"})
    served.get("/no/such/path")
    lines = served.get("/metrics").content.decode().splitlines()
    assert 'rarefy_requests_total{route="/search",status="200"} 1.0' in lines
    assert 'rarefy_requests_total{route="other",status="404"} 1.0' in lines
    assert "rarefy_documents 3.0" in lines
    assert "rarefy_encoded_batch_queries_count 1.0" in lines


def test_the_description_has_examples_and_every_route(shared):
    described = shared.get("/openapi.json").content
    assert described["paths"].keys() == {
        "/search", "/search/batch", "/documents", "/documents/delete", "/commit",
        "/stats", "/health", "/ready", "/metrics",
    }  # fmt: skip
    query = described["components"]["schemas"]["Query"]["properties"]
    assert query["filter"]["examples"] == ["year >= 2020"]


def test_a_line_of_json_a_request_without_its_text(served, caplog):
    with caplog.at_level(logging.INFO, "rarefy.serve"):
        served.post("/search", {"text": "secret words"})
        served.get('/"}%C3%A9%0a{"status":200')
        wait_until(lambda: len(caplog.messages) == 2)  # they are written after the answers
    records = [json.loads(message) for message in caplog.messages]
    assert [record["route"] for record in records] == ["/search", "other"]
    assert records[0].keys() == {"method", "route", "status", "ms", "client", "role"}
    assert "secret" not in caplog.text


def test_an_error_inside_is_logged_by_its_place_alone(served, monkeypatch, caplog):
    def fail(*_, **__):
        raise RuntimeError("secret words of a document")

    monkeypatch.setattr(served.search, "search", fail)
    answer = served.post("/search", {"text": "cat"})
    assert (answer.status, answer.content["error"]["code"]) == (500, "internal")
    assert served.get("/ready").status == 503
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_a_full_disk_is_no_success(served, monkeypatch):
    def fail():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(served.search, "commit", fail)
    answer = served.post("/documents", {"documents": [{"id": "a", "text": "a cat"}]})
    assert (answer.status, answer.content["error"]["code"]) == (507, "not_stored")


def test_a_search_that_cannot_read_is_no_change_that_is_lost(served, monkeypatch):
    def fail(*_, **__):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(served.search, "search", fail)
    answer = served.post("/search", {"text": "cat"})
    assert (answer.status, answer.content["error"]["code"]) == (500, "internal")


def test_a_merge_that_fails_is_no_failure_of_the_commit(served, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Replacement, "make", fail)
    for number in range(tiers.FACTOR + 2):
        document = {"id": f"new{number}", "text": "a cat"}
        done = served.post("/documents", {"documents": [document]})
        assert (done.status, done.content["committed"]) == (200, True)
    assert len(served.search) == 3 + tiers.FACTOR + 2
    monkeypatch.undo()


def test_a_commit_that_fails_at_the_end_leaves_the_folder_to_others(start, tmp_path, monkeypatch):
    served = start()

    def fail():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(served.search, "commit", fail)
    served.stop()
    with Writer(tmp_path / "index0") as writer:
        assert writer.vocabulary_size


def test_queries_that_wait_are_encoded_together(served):
    sizes, release = [], threading.Event()
    encode = served.search.encode_queries

    def slow(texts):
        sizes.append(len(texts))
        release.wait(10)
        return encode(texts)

    async def run():
        batches = Batches(slow, lambda size: None)
        first = asyncio.create_task(batches.vector("cat"))
        await asyncio.sleep(0.1)
        others = [asyncio.create_task(batches.vector(text)) for text in ("bread", "matrix", "mat")]
        await asyncio.sleep(0.1)
        others[1].cancel()
        release.set()
        rows = await asyncio.gather(first, others[0], others[2])
        batches.close()
        return rows

    rows = asyncio.run(run())
    assert sizes == [1, 2]
    for row, text in zip(rows, ["cat", "bread", "mat"], strict=True):
        assert (row != encode([text])).nnz == 0


def test_an_encoder_that_fails_fails_those_who_wait_alone():
    def encode(texts):
        raise ValueError(texts)

    async def run():
        batches = Batches(encode, lambda size: None)
        found = await asyncio.gather(
            batches.vector("a"), batches.vector("b"), return_exceptions=True
        )
        again = await asyncio.gather(batches.vector("c"), return_exceptions=True)
        batches.close()
        return [*found, *again]

    assert all(isinstance(error, ValueError) for error in asyncio.run(run()))


def test_rates_fill_again_with_time():
    now = [0.0]
    rates = Rates(2, burst=3, clock=lambda: now[0])
    assert [rates.wait("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert rates.wait("b") == 0
    now[0] = 0.5
    assert [rates.wait("a") for _ in range(2)] == [0, 0.5]
    assert Rates(0, burst=1).wait("a") == 0


def serve(folder, *options):
    """Start ``rarefy serve`` and return the process and its address."""
    command = [sys.executable, "-m", "rarefy.cli", "serve", str(folder), "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if found := re.search(r"running on (http://\S+)", line):
            return process, found.group(1)
    raise AssertionError("it did not start")


def post(address, body):
    request = urllib.request.Request(
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.fixture
def folder(tmp_path, note_search):
    with note_search(tmp_path / "index", texts=False) as search:
        search.add(["a cat", "a mat"], ids=["cat", "mat"])
    return tmp_path / "index"


def test_it_stops_gracefully_and_commits_what_waits(folder):
    process, address = serve(folder)
    document = {"id": "new", "text": "a new cat"}
    done = post(f"{address}/documents", {"documents": [document], "commit": False})
    assert done == {"documents": 1, "committed": False}
    assert Index.open(folder).ids == ["cat", "mat"]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode in (0, -signal.SIGTERM)
    assert Index.open(folder).ids == ["cat", "mat", "new"]


@pytest.mark.jit
def test_a_kill_under_load_loses_nothing_that_was_acknowledged(folder):
    """Several clients write; the server is killed with SIGKILL in the midst, twice."""
    acknowledged: set[str] = set()
    for turn in range(2):
        process, address = serve(folder, "--no-log")

        def write(worker, turn=turn, address=address):
            for number in range(1000):
                name = f"{turn}-{worker}-{number}"
                try:
                    done = post(
                        f"{address}/documents", {"documents": [{"id": name, "text": "a cat"}]}
                    )
                except OSError:
                    return
                if done["committed"]:
                    acknowledged.add(name)

        before = len(acknowledged)
        writers = [threading.Thread(target=write, args=(worker,)) for worker in range(3)]
        for writer in writers:
            writer.start()
        wait_until(lambda before=before: len(acknowledged) >= before + 10, seconds=60)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=20)
        for writer in writers:
            writer.join(20)
        Index.verify(folder)
        held = set(Index.open(folder).ids)
        assert {"cat", "mat"} | acknowledged <= held
        assert len(held) <= 2 + len(acknowledged) + 3 * (turn + 1)  # sent, but not acknowledged


def test_what_can_be_got_can_be_asked_for_its_head(shared):
    for path in ("/", "/page.js", "/health", "/ready", "/stats", "/metrics", "/openapi.json"):
        whole, head = shared.get(path), shared.ask("HEAD", path)
        assert (head.status, head.content) == (200, b""), path
        assert head.headers["Content-Type"] == whole.headers["Content-Type"]
    assert shared.ask("HEAD", "/page.css").headers["Content-Length"] == str(
        len(shared.get("/page.css").content)
    )
    for method, path, status in [("HEAD", "/search", 405), ("HEAD", "/no", 404)]:
        assert shared.ask(method, path).status == status
    refused = shared.ask("PUT", "/health")
    assert (refused.status, refused.headers["Allow"]) == (405, "GET")
    assert refused.content["error"]["message"] == "this path takes GET alone"
    assert "/openapi.json lists" in shared.get("/no").content["error"]["message"]


def test_an_id_that_utf8_has_not_is_found_all_the_same(served):
    vectors = served.search.model.encode_documents(["a dog"])
    served.search.add_vectors(["half \ud800"], vectors, {"text": ["a cat"], "year": [2020]})
    row = vectors.tocsr()
    vector = {"columns": row.indices.tolist(), "weights": row.data.tolist()}
    assert "half \ud800" in ids(served.post("/search", {"vector": vector, "explain": True}))
