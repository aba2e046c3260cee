"""Each command on input that is wrong: one line that says what, and status 2."""

import json
import shutil

import numpy as np
import pytest
from scipy.sparse import csr_array, save_npz

pytest.importorskip("ir_measures")
pytest.importorskip("Stemmer")


@pytest.fixture
def index(run, tmp_path, vectors):
    folder = tmp_path / "index"
    assert run("index", vectors, "--out", folder).status == 0
    return folder


@pytest.fixture(params=["bench", "encode", "eval", "index"])
def reading(request, tmp_path):
    """The start of each command that reads a collection, and what follows its name."""
    return request.param, {
        "bench": ["--systems", "bm25", "--out", tmp_path / "out"],
        "encode": ["--model", "bm25", "--out", tmp_path / "out"],
        "eval": ["--system", "bm25"],
        "index": ["--model", "bm25", "--out", tmp_path / "out"],
    }[request.param]


@pytest.mark.parametrize("name", ["nowhere", "irds", "pydocs2"])
def test_no_such_collection(refused, reading, name):
    command, options = reading
    assert repr(name) in refused(command, name, *options)


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
def test_a_missing_file(refused, reading, collection, name):
    (collection / name).unlink()
    command, options = reading
    assert f"neither {name}" in refused(command, collection, *options)


def test_no_judgements(refused, reading, collection):
    (collection / "qrels" / "test.tsv").unlink()
    command, options = reading
    assert "no judgements" in refused(command, collection, *options)


def test_broken_json(refused, reading, collection):
    with open(collection / "corpus.jsonl", "a") as file:
        file.write('{"_id": "d5", "text": \n')
    command, options = reading
    assert "corpus.jsonl:5: broken JSON" in refused(command, collection, *options)


def test_an_empty_corpus(refused, reading, collection):
    (collection / "corpus.jsonl").write_text("")
    command, options = reading
    assert "has no documents" in refused(command, collection, *options)


def test_ids_that_occur_twice(refused, reading, collection):
    with open(collection / "corpus.jsonl", "a") as file:
        file.write('{"_id": "d1", "text": "again"}\n')
    command, options = reading
    message = refused(command, collection, *options)
    assert "corpus.jsonl:5: _id 'd1' occurs twice" in message


@pytest.mark.parametrize("line", ["q1\td9\t1", "q9\td1\t1"])
def test_judgements_of_what_is_not_there(refused, reading, collection, line):
    with open(collection / "qrels" / "test.tsv", "a") as file:
        file.write(line + "\n")
    command, options = reading
    message = refused(command, collection, *options)
    assert "test.tsv:5: " in message
    assert "--drop-unknown" in message
    assert "'d9'" in message or "'q9'" in message


@pytest.mark.parametrize("command", ["bench", "eval"])
def test_an_unknown_split(refused, collection, command):
    options = ["--system", "bm25"] if command == "eval" else ["--systems", "bm25"]
    assert "no split 'train'" in refused(command, collection, *options, "--split", "train")


@pytest.mark.models
def test_an_unknown_system(refused, collection, tmp_path):
    options = ["--systems", "bm25,nonsense", "--out", tmp_path / "out"]
    assert "'nonsense'" in refused("bench", collection, *options)
    assert "'nonsense'" in refused("eval", collection, "--system", "nonsense")


@pytest.mark.models
def test_a_model_folder_that_is_none(refused, collection, tmp_path):
    folder = tmp_path / "no-model"
    folder.mkdir()
    out = ["--out", tmp_path / "out"]
    for command in (["encode", *out], ["index", *out]):
        message = refused(command[0], collection, *command[1:], "--model", folder)
        assert str(folder) in message
    assert str(folder) in refused("eval", collection, "--system", folder)


def test_a_damaged_bm25_folder(refused, collection, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "bm25.json").write_text("{}")
    out = tmp_path / "out"
    assert "is not a BM25 model" in refused("index", collection, "--model", folder, "--out", out)


def test_an_unknown_measure(refused, collection):
    options = ["--system", "bm25", "--measures", "nDCG@10 Nonsense@3"]
    assert "no measure 'Nonsense@3'" in refused("eval", collection, *options)


def test_eval_of_vectors_without_both_files(refused, collection, vectors):
    assert "give both" in refused("eval", collection, "--system", "vectors")
    message = refused("eval", collection, "--system", "bm25", "--document-vectors", vectors)
    assert "expected 'vectors'" in message


def test_eval_of_vectors_that_are_not_there(refused, collection):
    files = ["--document-vectors", "no.jsonl", "--query-vectors", "no.jsonl"]
    message = refused("eval", collection, "--system", "vectors", *files)
    assert f"no vectors at no.jsonl or {collection / 'no.jsonl'}" in message


def test_eval_of_vectors_of_another_collection(refused, collection, vectors):
    files = ["--document-vectors", vectors, "--query-vectors", vectors]
    assert "have no vector" in refused("eval", collection, "--system", "vectors", *files)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "has no texts"),
        ('{"_id": "a", "text": "fine"}\n{"_id": ', ":2: broken JSON"),
        ('{"_id": "a"}', ":1: expected"),
        ('{"_id": 1, "text": "fine"}', ":1: expected"),
        ('{"_id": "a", "text": "one"}\n{"_id": "a", "text": "two"}', ":2: _id 'a' occurs twice"),
        ('{"_id": "a\\nb", "text": "one"}', "line break"),
    ],
)
def test_encode_of_a_broken_file(refused, tmp_path, text, expected):
    path = tmp_path / "lines.jsonl"
    path.write_text(text)
    assert expected in refused("encode", path, "--model", "bm25", "--out", tmp_path / "out")


def test_encode_of_queries_with_bm25_that_was_never_fitted(refused, tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text('{"_id": "a", "text": "one"}\n')
    options = ["--queries", "--model", "bm25", "--out", tmp_path / "out"]
    assert "name their vectors: --model DIR" in refused("encode", path, *options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "has no vectors"),
        ('{"id": "a", "vector": {"x": 1}}\n{', ":2: broken JSON"),
        ('{"id": "a", "text": "not a vector"}', ":1: expected"),
        ('{"id": "a", "vector": {"x": NaN}}', "nan"),
        ('{"id": "a", "vector": {"x": -1}}', "-1"),
        ('{"id": "a", "vector": {"x": "heavy"}}', ":1: a weight"),
        ('{"id": "a", "vector": {}}\n{"id": "a", "vector": {}}', "'a' occurs twice"),
    ],
)
def test_index_of_broken_json_vectors(refused, tmp_path, text, expected):
    path = tmp_path / "vectors.jsonl"
    path.write_text(text)
    assert expected in refused("index", path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("weight", [np.nan, np.inf, -1.0])
def test_index_of_weights_that_are_none(refused, vectors, tmp_path, weight):
    save_npz(vectors / "vectors.npz", csr_array(np.diag([1.0, weight, 1.0])))
    (vectors / "terms.json").unlink()
    assert str(weight) in refused("index", vectors, "--out", tmp_path / "out")


def test_index_of_a_folder_with_files_missing_or_damaged(refused, vectors, tmp_path):
    (vectors / "ids.txt").write_text("a\nb\n")
    assert "ids.txt" in refused("index", vectors, "--out", tmp_path / "out")
    (vectors / "ids.txt").unlink()
    assert "no ids.txt" in refused("index", vectors, "--out", tmp_path / "out")
    (vectors / "ids.txt").write_text("a\nb\nc\n")
    (vectors / "vectors.npz").write_bytes(b"damaged")
    assert "vectors.npz" in refused("index", vectors, "--out", tmp_path / "out")
    bare = shutil.copy(vectors / "vectors.npz", tmp_path / "bare.npz")
    assert "ids of its rows" in refused("index", bare, "--out", tmp_path / "out")
    assert "no vectors at" in refused("index", tmp_path / "no.npz", "--out", tmp_path / "out")


def test_search_and_verify_of_what_is_no_index(refused, tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert str(folder) in refused("search", folder, "text")
        assert str(folder) in refused("verify", folder)


def test_search_for_nothing(refused, index):
    assert "expected words" in refused("search", index, "  ")
    assert "either a TEXT or --query-vectors" in refused("search", index)
    both = ["text", "--query-vectors", index]
    assert "either a TEXT or --query-vectors" in refused("search", index, *both)


def test_search_of_vectors_without_a_model(refused, index):
    assert "--query-vectors" in refused("search", index, "matrix")


def test_search_of_an_index_without_its_terms(refused, index):
    (index / "terms.json").unlink()
    assert "does not say what made its vectors" in refused("search", index, "matrix")


def test_search_with_vectors_of_the_wrong_width(refused, index):
    (index / "terms.json").write_text('["matrix", "cat"]')
    assert "4" in refused("search", index, "--query-vectors", index.parent / "vectors")


def test_search_with_a_model_that_is_another_by_now(run, refused, collection, tmp_path):
    index = tmp_path / "index"
    run("index", collection, "--model", "bm25", "--out", index)
    record = json.loads((index / "model.json").read_text())
    (index / "model.json").write_text(json.dumps({**record, "fingerprint": "0000"}))
    assert "the fingerprint 0000" in refused("search", index, "matrix")
    (index / "model.json").write_text('{"model": "bm25"}')
    assert "does not say what made its vectors" in refused("search", index, "matrix")


def test_search_with_query_vectors_of_another_model(run, refused, collection, tmp_path):
    index, other = tmp_path / "index", tmp_path / "other"
    run("index", collection, "--model", "bm25", "--out", index)
    run("encode", collection, "--model", "bm25", "--limit", 3, "--out", other)
    assert "encode the queries with the index's model" in refused(
        "search", index, "--query-vectors", other
    )


def test_verify_of_a_damaged_index(refused, index):
    path = next(index.glob("segment-*"))
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    assert path.name in refused("verify", index)
    assert path.name in refused("search", index, "matrix")


def test_repair_of_a_damaged_index(run, refused, index):
    path = next(index.glob("segment-*"))
    assert run("verify", index, "--repair").out == f"{index}: sound\n"
    path.write_bytes(path.read_bytes()[:-1])
    assert "--repair" in refused("verify", index)
    dropped, sound, _ = run("verify", index, "--repair").out.split("\n")
    assert dropped.startswith("dropped ") and path.name in dropped
    assert sound == f"{index}: sound"


def test_an_out_folder_that_is_a_file(refused, reading, collection, vectors, tmp_path):
    command, options = reading
    (tmp_path / "out").write_text("")
    if command == "eval":
        options = [*options, "--run", tmp_path / "out" / "run.trec"]
    assert str(tmp_path / "out") in refused(command, collection, *options)
    assert (tmp_path / "out").read_text() == ""


def test_an_out_folder_that_holds_something_else(refused, vectors, collection):
    assert "holds no index" in refused("index", vectors, "--out", collection)
    assert (collection / "corpus.jsonl").exists()


def test_what_cannot_be_written_is_refused_before_the_work(refused, monkeypatch, collection):
    for name in ("encode_documents", "encode_queries"):
        monkeypatch.setattr(f"rarefy.sparse.BM25.{name}", lambda *_, **__: pytest.fail("encoded"))
    file = collection / "corpus.jsonl"
    for out in (file, file / "index", collection):
        message = refused("index", collection, "--model", "bm25", "--out", out)
        assert str(file if out != collection else out) in message
    for trec in (collection, file / "run.trec"):
        message = refused("eval", collection, "--system", "bm25", "--run", trec)
        assert str(file if trec != collection else trec) in message


@pytest.mark.parametrize(
    "arguments",
    [
        ["unheard-of"],
        ["search"],
        ["search", "index", "text", "-k", "0"],
        ["search", "index", "text", "-k", "many"],
        ["bench", "pydocs", "--limit", "0"],
        ["bench", "pydocs", "--unheard-of"],
        ["eval", "pydocs"],
        ["index", "pydocs"],
    ],
)
def test_wrong_usage_is_status_2_without_a_traceback(run, arguments):
    done = run(*arguments)
    assert done.status == 2
    assert "Traceback" not in done.err + done.out


@pytest.mark.parametrize(
    ("module", "extra", "arguments"),
    [
        ("ir_measures", "eval", ["eval", "{collection}", "--system", "bm25"]),
        ("Stemmer", "eval", ["index", "{collection}", "--model", "bm25", "--out", "{out}"]),
        ("matplotlib", "eval", ["bench", "{collection}", "--systems", "bm25", "--out", "{out}"]),
        ("jinja2", "eval", ["bench", "{collection}", "--systems", "bm25", "--out", "{out}"]),
        ("faiss", "eval", ["eval", "{collection}", "--system", "dense"]),
        ("torch", "encode", ["encode", "{collection}", "--model", "splade-tiny", "--out", "{out}"]),
        ("sentence_transformers", "encode", ["eval", "{collection}", "--system", "dense"]),
    ],
)
def test_a_missing_extra(run_without, collection, tmp_path, module, extra, arguments):
    filled = [a.format(collection=collection, out=tmp_path / "out") for a in arguments]
    done = run_without([module], *filled)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert module in line
    assert f"pip install 'rarefy[{extra}]'" in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("year >", "the filter ends at character 7; expected a number"),
        ("year == 3", "asks for metadata, and the index has none"),
    ],
)
def test_a_filter_that_cannot_be_used(refused, index, query_vectors, text, message):
    options = ["--query-vectors", query_vectors, "--filter", text]
    assert message in refused("search", index, *options)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"year": 3}', ":1: id is None; expected a document's id"),
        ('{"id": "a"}\n{"id": "a"}', ":2: id 'a' occurs twice"),
        ('{"id": "a", "year": {}}', "the field 'year' has {} of type dict in row 0"),
        ('{"id": "a", "a b": 1}', "'a b' is no name of a field"),
    ],
)
def test_fields_that_cannot_be_used(refused, tmp_path, vectors, lines, message):
    fields = tmp_path / "fields.jsonl"
    fields.write_text(lines)
    out = tmp_path / "out"
    assert message in refused("index", vectors, "--out", out, "--fields", fields)
    assert not out.exists()
