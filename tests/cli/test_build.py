"""``rarefy build``, with a stand-in for Ray."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray")
sys.path.insert(0, str(Path(__file__).parents[1] / "index"))

from one_process_ray import started

pytestmark = pytest.mark.jit


def test_a_corpus_becomes_an_index_and_shards(run, refused, monkeypatch, tmp_path):
    started(monkeypatch)
    corpus = tmp_path / "corpus.jsonl"
    texts = ["the inverse of a matrix", "cats chase mice", "linear systems with a matrix"]
    lines = [{"_id": f"d{i}", "text": text, "year": 2000 + i} for i, text in enumerate(texts)]
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines))
    options = ("--model", "bm25", "--field", "year", "--slice", 2)
    done = run("build", corpus, "--out", tmp_path / "index", *options)
    assert (done.status, done.out) == (0, "")
    assert "index: 3 documents, in 1 segments" in done.err
    found = run("search", tmp_path / "index", "matrix", "--filter", "year > 2000", "--json")
    assert [hit["id"] for hit in json.loads(found.out)["queries"][0]["hits"]] == ["d2"]
    done = run("build", corpus, "--out", tmp_path / "shards", "--shards", 2, *options)
    assert "3 documents, in 2 shards" in done.err
    assert "holds an index" in refused("build", corpus, "--out", tmp_path / "index", *options)
