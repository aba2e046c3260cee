"""``rarefy push`` and ``rarefy pull``."""

from __future__ import annotations

import json

import pytest

qdrant_client = pytest.importorskip("qdrant_client")


def test_there_and_back(run, refused, vectors, query_vectors, tmp_path):
    index, copy, store = tmp_path / "a.index", tmp_path / "b.index", f"qdrant:{tmp_path}/q/docs"
    assert run("index", vectors, "--out", index).status == 0
    done = run("push", index, store, "--size", 2)
    assert (done.status, done.out) == (0, "")
    assert "3 documents written, 3 there" in done.err
    assert "3 documents" in run("pull", store, copy, "--like", index).err
    found = [
        json.loads(run("search", folder, "--query-vectors", query_vectors, "--json").out)
        for folder in (index, copy)
    ]
    assert found[0] == found[1]
    assert "start is 4; expected a row" in refused("push", index, store, "--start", 4)
    assert "names no store" in refused("pull", "redis://x/y", copy)
    other = tmp_path / "other.index"
    other.mkdir()
    (other / "terms.json").write_text('["a"]')
    assert "made by another model" in refused("pull", store, copy, "--like", other)


def test_vectors_of_two_models_are_not_mixed(run, refused, vectors, tmp_path):
    index, store = tmp_path / "a.index", f"qdrant:{tmp_path}/q/docs"
    run("index", vectors, "--out", index)
    run("push", index, store)
    assert run("pull", store, index).status == 0  # what is there is of the same model
    record = {"model": "another", "fingerprint": "0123"}
    (index / "model.json").write_text(json.dumps(record))
    assert "made by another model" in refused("pull", store, index)


def test_a_client_that_is_missing_is_named(run_without, vectors, run, tmp_path):
    run("index", vectors, "--out", tmp_path / "index")
    done = run_without(["qdrant_client"], "push", tmp_path / "index", "qdrant://host:1/x")
    assert done.returncode == 2
    assert "pip install 'rarefy[qdrant]'" in done.stderr
