"""Earlier results side by side."""

import json
import shutil

import pytest

for package in ("Stemmer", "ir_measures", "jinja2", "matplotlib", "fastjsonschema"):
    pytest.importorskip(package)

SYSTEMS = "bm25", "bm25+bm25"


@pytest.fixture
def runs(run, tmp_path, collection):
    """Two runs over one collection, each of one system."""
    folders = []
    for number, system in enumerate(SYSTEMS):
        folder = tmp_path / f"run{number}"
        done = run("bench", collection, "--systems", system, "--out", folder)
        assert done.status == 0, done.err
        folders.append(folder)
    return folders


def test_results_are_put_side_by_side(run, runs, tmp_path):
    done = run("compare", runs[0], runs[1] / "results.json", "--out", tmp_path / "both")
    assert done.status == 0, done.err
    lines = [line.split() for line in done.out.splitlines()]
    assert ["a", "bm25"] in [line[:2] for line in lines]
    assert ["b", "bm25+bm25"] in [line[:2] for line in lines]
    assert any(line[:2] == ["bm25+bm25", "bm25"] for line in lines), "they are tested"
    assert (tmp_path / "both" / "report.html").exists()
    again = run("compare", tmp_path / "both", runs[0], "--json")
    names = [system["name"] for system in json.loads(again.out)["systems"]]
    assert names == ["bm25 (both)", "bm25+bm25", "bm25 (run0)"]


def test_runs_in_folders_of_one_name_are_told_apart(run, runs, tmp_path):
    for place in ("a", "b"):
        shutil.copytree(runs[0], tmp_path / place / "out")
    done = run("compare", tmp_path / "a" / "out", tmp_path / "b" / "out", "--json")
    names = [system["name"] for system in json.loads(done.out)["systems"]]
    assert names == ["bm25 (a/out)", "bm25 (b/out)"]


def test_what_eval_printed_can_be_compared(run, tmp_path, collection):
    for name, analysed in (("a", "bm25"), ("b", "bm25+bm25")):
        done = run("eval", collection, "--system", analysed, "--json")
        (tmp_path / f"{name}.json").write_text(done.out)
    done = run("compare", tmp_path / "a.json", tmp_path / "b.json", "--json")
    merged = json.loads(done.out)
    assert [run["label"] for run in merged["runs"]] == ["a", "b"]


def test_other_documents_are_refused(run, refused, runs, tmp_path, collection):
    with open(collection / "corpus.jsonl", "a") as corpus:
        corpus.write('{"_id": "d9", "text": "one more"}\n')
    run("bench", collection, "--systems", "bm25", "--out", tmp_path / "other")
    assert "fingerprint" in refused("compare", runs[0], tmp_path / "other")


def test_other_judgements_are_refused(run, refused, runs, tmp_path, collection):
    with open(collection / "qrels" / "test.tsv", "a") as qrels:
        qrels.write("q2\td3\t1\n")
    run("bench", collection, "--systems", "bm25", "--out", tmp_path / "other")
    assert "fingerprint" in refused("compare", runs[0], tmp_path / "other")


def test_what_cannot_be_compared_is_refused(refused, runs, tmp_path):
    assert "1 results given" in refused("compare", runs[0])
    assert "named twice" in refused("compare", runs[0], runs[0] / "results.json")
    assert "cannot read" in refused("compare", runs[0], tmp_path / "nowhere")
    (runs[1] / "results.json").write_text("{}")
    assert "results.schema.json" in refused("compare", *runs)
