"""The modes of an index that has several parts, over HTTP."""

import math
import threading

import pytest


def ids(answer):
    assert answer.status == 200, answer.content
    return [hit["id"] for hit in answer.content["hits"]]


def test_modes_that_are_not_served_are_refused(shared):
    assert ids(shared.post("/search", {"text": "cat", "mode": "sparse"})) == ["cat"]
    for options in ({"mode": "bm25"}, {"mode": ""}, {"weights": {"sparse": 1}}):
        answer = shared.post("/search", {"text": "cat", **options})
        assert answer.status == 422
        assert "has the mode 'sparse' alone" in answer.content["error"]["message"]


@pytest.mark.models
def test_modes_over_http(served_modes):
    found = {
        mode: served_modes.post("/search", {"text": "kitten", "mode": mode, "explain": True})
        for mode in served_modes.get("/stats").content["modes"]
    }
    assert list(found) == ["sparse", "bm25", "dense", "hybrid"]
    assert "cat" not in ids(found["bm25"])
    assert {"cat", "matrix"} <= {*ids(found["dense"])}
    assert ids(found["hybrid"])[0] == "kitten"
    assert [term for term, _ in found["bm25"].content["terms"]] == ["bm25:kitten"]
    weights = {"dense": 1, "sparse": 0}
    by_weight = {"text": "kitten", "mode": "hybrid", "weights": weights}
    assert ids(served_modes.post("/search", by_weight)) == ids(found["dense"])
    by_weight = {**by_weight, "weights": {"bm25": 3, "dense": 1}, "explain": True}
    ((term, weight),) = served_modes.post("/search", by_weight).content["terms"]
    assert term == "bm25:kitten"
    ((_, alone),) = served_modes.search.query_terms("kitten", mode="hybrid", weights={"bm25": 1})
    assert weight == pytest.approx(3 * alone)
    batch = {"queries": [{"text": "kitten"}, {"text": "mat"}], "mode": "bm25"}
    answers = served_modes.post("/search/batch", batch).content["answers"]
    assert [[hit["id"] for hit in each["hits"]] for each in answers] == [["kitten"], ["cat"]]
    whole = served_modes.search.encode_queries(["kitten"])
    vector = {"columns": whole.indices.tolist(), "weights": whole.data.tolist()}
    by_vector = served_modes.post("/search", {"vector": vector, "mode": "bm25"})
    assert ids(by_vector) == ids(found["bm25"])


@pytest.mark.models
def test_what_may_be_slow_is_never_searched_where_requests_are_read(served_modes, monkeypatch):
    search, ran = served_modes.search, []

    def noted(*arguments, **options):
        ran.append((options["mode"], threading.current_thread().name.partition("_")[0]))
        return type(search).search(search, *arguments, **options)

    monkeypatch.setattr(search, "search", noted)
    monkeypatch.setattr("rarefy.serve.searches.QUICK", math.inf)
    row = search.encode_queries(["kitten"])
    vector = {"columns": row.indices.tolist(), "weights": row.data.tolist()}
    for mode in (None, *search.modes):
        body = {"vector": vector, "fields": [], "mode": mode}
        assert served_modes.post("/search", body).status == 200
    where = dict(ran)
    assert where.pop("sparse") != "search"
    assert where == dict.fromkeys((None, "bm25", "dense", "hybrid"), "search")
