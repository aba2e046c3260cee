"""``rarefy bench`` over several collections, with sweeps, fusions and tuning."""

import json
import shutil

import pytest

for package in ("ir_measures", "jinja2", "matplotlib", "Stemmer"):
    pytest.importorskip(package)


@pytest.fixture
def another(collection, tmp_path):
    folder = tmp_path / "another"
    shutil.copytree(collection, folder)
    (folder / "qrels" / "train.tsv").write_text("q3\td2\t1\nq1\td1\t1\n")
    return folder


def test_several_collections_have_a_folder_each(run, tmp_path, collection, another):
    out = tmp_path / "out"
    done = run("bench", collection, another, "--systems", "bm25", "--out", out)
    assert done.status == 0, done.err
    for name in ("small", "another"):
        results = json.loads((out / name / "results.json").read_text())
        assert results["collection"]["name"] == name
        assert f"Report: {out / name / 'report.html'}" in done.out
        assert sorted(path.name for path in (out / name).iterdir()) == [
            "report.html",
            "results.json",
            "tables.md",
        ]
    both = json.loads(
        run("bench", collection, another, "--systems", "bm25", "--out", out, "--json").out
    )
    assert [found["collection"]["name"] for found in both["collections"]] == ["small", "another"]


def test_two_collections_of_one_name_are_refused(run, tmp_path, collection):
    options = ("--systems", "bm25", "--out", tmp_path / "out")
    done = run("bench", collection, collection, *options)
    assert done.status == 2
    assert "run them apart" in done.err


def test_fusions_are_tuned_where_there_is_a_split_without_the_tests_queries(
    run, tmp_path, collection, another
):
    out = tmp_path / "out"
    systems = "bm25:documents=1/2,minmax=bm25+bm25:documents=1"
    options = ("--systems", systems, "--tune-on", "train", "--measures", "RR@10", "--out", out)
    done = run("bench", collection, another, *options)
    assert done.status == 0, done.err
    assert "small: the weights of fusions are equal" in done.err
    assert "another: 1 of the 2 queries of train are in the test, too, such as q1" in done.err
    small, tuned = (
        json.loads((out / name / "results.json").read_text())["systems"]
        for name in ("small", "another")
    )
    assert [row["name"] for row in small] == [
        "bm25:documents=1",
        "bm25:documents=2",
        "minmax=bm25+bm25:documents=1",
    ]
    assert "not tuned" in small[2]["description"]
    assert "tuned on another (train)" in tuned[2]["description"]
    assert small[0]["measures"].keys() == {"RR@10"}


def test_the_language_can_be_said(run, tmp_path, collection):
    out = tmp_path / "out"
    run("bench", collection, "--systems", "bm25", "--language", "de", "--out", out)
    results = json.loads((out / "results.json").read_text())
    assert results["collection"]["language"] == "de"


@pytest.mark.parametrize(
    ("systems", "message"),
    [
        ("dense:flat", "no engine 'flat'"),
        ("bm25:recall=2", "recall is '2'"),
        ("run:file=nowhere", "there is no file nowhere"),
        ("minmax=bm25", "joins one system"),
    ],
)
def test_a_wrong_system_is_refused_before_any_work(refused, tmp_path, collection, systems, message):
    assert message in refused("bench", collection, "--systems", systems, "--out", tmp_path / "o")
