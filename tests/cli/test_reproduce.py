"""``rarefy reproduce``."""

import json

import pytest

pytest.importorskip("Stemmer")
pytest.importorskip("ir_measures")


@pytest.fixture
def published(collection, monkeypatch):
    """Let results of the small collection stand for the published ones."""
    import rarefy.eval.reproductions as reproductions

    made = reproductions.Reproduction("right", "bm25", "small", {"RR@10": 1.0}, "here")
    wrong = reproductions.Reproduction("wrong", "bm25", "small", {"RR@10": 0.25}, "here")
    other = reproductions.Reproduction("absent", "bm25", "none", {"RR@10": 0.25}, "here")
    monkeypatch.setattr(reproductions, "PUBLISHED", (made, wrong, other))
    return collection.parent


def test_it_lists_what_there_is(run, published):
    done = run("reproduce")
    assert done.status == 0
    assert [line.split()[0] for line in done.out.splitlines()] == ["right", "wrong", "absent"]


def test_one_result(run, published, tmp_path):
    out = tmp_path / "table" / "rows.json"
    done = run("reproduce", "right", "--data", published, "--out", out)
    assert done.status == 0
    assert done.out.split() == [
        *["name", "measure", "published", "ours", "difference", "verdict"],
        *["right", "RR@10", "1.0000", "1.0000", "+0.0000", "reproduced"],
    ]
    (row,) = json.loads(out.read_text())["rows"]
    assert (row["name"], row["ours"], row["verdict"]) == ("right", 1.0, "reproduced")


def test_all_of_them_and_the_status_of_one_that_differs(run, published, monkeypatch):
    monkeypatch.setenv("RAREFY_DATA", str(published))
    done = run("reproduce", "--all", "--json")
    assert done.status == 1
    verdicts = {row["name"]: row["verdict"] for row in json.loads(done.out)["rows"]}
    assert verdicts == {"right": "reproduced", "wrong": "differs", "absent": "skipped"}
    done = run("reproduce", "absent", "right")
    assert done.status == 0
    assert "absent, skipped: there is no collection at" in done.out


def test_bad_input(refused, published, monkeypatch):
    monkeypatch.delenv("RAREFY_DATA", raising=False)
    assert "where are the collections?" in refused("reproduce", "right")
    assert "is not a folder" in refused("reproduce", "right", "--data", published / "none")
    assert "called 'nothing'" in refused("reproduce", "nothing", "--data", published)
    assert "expected one of them" in refused("reproduce", "right", "--all")
