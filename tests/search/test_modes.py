"""Several models in one index: each found alone, their weighted sum, and always in step."""

import json

import numpy as np
import pytest
from scipy import sparse
from typer.testing import CliRunner

import rarefy
from rarefy.cli import app
from rarefy.errors import InputError, InputTypeError

pytestmark = pytest.mark.models

pytest.importorskip("pyarrow")
pytest.importorskip("sentence_transformers")

NAME = "minilm-d2s+bm25+dense"
TEXTS = {
    "cat": "The cat sat on the mat.",
    "kitten": "A kitten slept on a rug.",
    "matrix": "A matrix is inverted by elimination.",
    "bread": "A recipe for bread, with yeast and flour.",
    "empty": "",
}


@pytest.fixture(scope="module")
def model():
    return rarefy.load(NAME, cache=False)


@pytest.fixture
def search(tmp_path, model):
    with rarefy.Search(tmp_path / "notes", model) as made:
        made.add(list(TEXTS.values()), {"year": [1, 2, 3, 4, 5]}, ids=list(TEXTS))
        yield made


def scores(hits):
    return {hit.id: hit.score for hit in hits}


def test_each_mode_is_that_part_alone(search, model):
    query = "a cat and its matrix"
    assert search.modes == ("sparse", "bm25", "dense", "hybrid")
    texts = list(TEXTS.values())
    for mode, part in (("sparse", model.first), ("bm25", model.words)):
        expected = part.encode_documents(texts) @ part.encode_queries([query]).T
        found = scores(search.search(query, mode=mode))
        assert found == pytest.approx(
            {name: s for name, s in zip(TEXTS, expected.toarray()[:, 0], strict=True) if s > 0},
            rel=1e-5,
        )
    dense = model.dense.dense
    filled = [name for name in TEXTS if TEXTS[name]]
    cosines = (
        dense.encode([TEXTS[name] for name in filled], role="document")
        @ dense.encode([query], role="query").ravel()
    )
    found = scores(search.search(query, mode="dense"))
    assert found == pytest.approx(dict(zip(filled, cosines, strict=True)), abs=1e-5)
    assert scores(search.search(query)) == scores(search.search(query, mode="sparse"))


def test_hybrid_is_the_sum_of_shares_of_the_best(search):
    query = "a cat on the mat"
    parts = {mode: scores(search.search(query, mode=mode)) for mode in ("bm25", "dense")}
    weights = {"bm25": 2.0, "dense": 0.5}
    expected = {
        name: sum(w * parts[m].get(name, 0) / max(parts[m].values()) for m, w in weights.items())
        for name in parts["dense"]
    }
    found = search.search(query, mode="hybrid", weights=weights)
    assert scores(found) == pytest.approx(expected, abs=1e-5)
    best, *_ = search.search(query, mode="hybrid")
    assert (best.id, best.score) == ("cat", pytest.approx(3, abs=1e-5))
    several = search.search_many([query, "bread"], mode="hybrid")
    assert scores(several[0]) == pytest.approx(scores(search.search(query, mode="hybrid")))
    assert several[1][0].id == "bread"


def test_reasons_are_words_and_add_up(search):
    (hit,) = search.search("inverted matrix", k=1, mode="bm25", explain=True)
    assert sum(share for _, share in hit.terms) == pytest.approx(hit.score)
    assert all(term.startswith("bm25:") for term, _ in hit.terms)
    assert [hit.text[a:b] for a, b in hit.highlights] == ["matrix", "inverted"]
    (hit,) = search.search("inverted matrix", k=1, mode="dense", explain=True)
    assert hit.terms == hit.highlights == ()
    assert search.query_terms("matrix", mode="dense") == []
    assert [term for term, _ in search.query_terms("matrix", mode="bm25")] == ["bm25:matrix"]
    assert search.query_terms("matrix", k=1)[0][0] == "matrix"


def test_changes_are_made_in_all_parts_at_once_and_survive(search, tmp_path, model):
    search.delete(["cat"])
    search.add(["A cat in a hat."], {"year": [9]}, ids=["kitten"])
    search.close()
    again = rarefy.Search(tmp_path / "notes", model)
    for mode in again.modes:
        found = again.search("cat", k=9, mode=mode)
        assert found[0].id == "kitten"
        assert "cat" not in scores(found)
        assert [hit.id for hit in again.search("cat", mode=mode, filter="year > 5")] == ["kitten"]


def test_the_folder_says_what_made_it(search, tmp_path, model):
    search.close()
    again = rarefy.Search(tmp_path / "notes")
    assert again.model.name == NAME
    assert again.model.fingerprint == model.fingerprint
    with pytest.raises(InputError, match="leave the model out"):
        rarefy.Search(tmp_path / "notes", "minilm-d2s")


def test_statistics_of_a_collection_are_kept(tmp_path):
    fitted = rarefy.load("minilm-d2s+bm25", cache=False).fit(TEXTS.values())
    with rarefy.Search(tmp_path / "fitted", fitted) as search:
        search.add(list(TEXTS.values()), ids=list(TEXTS))
        expected = {mode: scores(search.search("cat", mode=mode)) for mode in search.modes}
    again = rarefy.Search(tmp_path / "fitted")
    assert again.model.fitted
    assert {mode: scores(again.search("cat", mode=mode)) for mode in again.modes} == expected
    with pytest.raises(InputError, match="the statistics are not of"):
        rarefy.load("minilm-d2s+bm25", cache=False).restore({"bm25.documents": np.array(1)})


def test_a_model_of_masked_words_is_joined_too(tmp_path):
    with rarefy.Search(tmp_path / "notes", "splade-tiny+bm25") as search:
        search.add(list(TEXTS.values()), ids=list(TEXTS))
        assert search.modes == ("sparse", "bm25", "hybrid")
        (hit,) = search.search("matrix", k=1, mode="hybrid", explain=True)
        assert (hit.id, hit.score) == ("matrix", pytest.approx(2, abs=1e-5))
        assert any(term.startswith("bm25:") for term, _ in hit.terms)


def test_texts_are_encoded_once_for_all_parts(model):
    before = model.computed
    model.encode_parts(["a text that nobody has seen"])
    assert model.computed == before + 1


def test_vectors_are_searched_as_they_are_or_by_one_part(search, model):
    rows = search.encode_queries(["a cat"])
    expected = scores(search.search("a cat", mode="bm25"))
    for given in (rows, rows.tocsc(), rows.tocoo(), rows.reshape(-1)):
        assert scores(search.search(given, mode="bm25")) == expected
        assert search.query_terms(given, mode="bm25") == search.query_terms("a cat", mode="bm25")
    whole = {hit.id: hit.score for hit in search.search(rows)}
    apart = model.encode_documents(list(TEXTS.values())) @ rows.T
    assert whole == pytest.approx(
        {name: score for name, score in zip(TEXTS, apart.toarray()[:, 0], strict=True) if score},
        rel=1e-5,
    )
    with pytest.raises(InputError, match="negative"):
        search.search(-rows, mode="bm25")
    with pytest.raises(InputError, match="weights are for the mode 'hybrid', and mode is None"):
        search.search(rows, weights={"bm25": 1})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"mode": "lexical"}, InputError, "expected sparse, bm25, dense or hybrid"),
        ({"mode": "bm25", "weights": {"bm25": 1}}, InputError, "weights are for the mode 'hybrid'"),
        ({"mode": "hybrid", "weights": {"x": 1}}, InputError, "weights has 'x'"),
        ({"mode": "hybrid", "weights": {"bm25": -1}}, InputError, "expected 0 or more"),
        ({"mode": "hybrid", "weights": {"bm25": float("nan")}}, InputError, "expected 0 or more"),
        ({"mode": "hybrid", "weights": {"bm25": 0}}, InputError, "expected one above 0"),
        ({"mode": "hybrid", "weights": {"bm25": "1"}}, InputTypeError, "expected a number"),
        ({"mode": "hybrid", "weights": {"bm25": 10**400}}, InputError, "at most 1e[+]15"),
        ({"mode": "hybrid", "weights": [1]}, InputTypeError, "weights is .1.; expected a dict"),
    ],
)
def test_what_is_no_mode_is_refused(search, options, error, message):
    with pytest.raises(error, match=message):
        search.search("cat", **options)


@pytest.mark.parametrize("mode", [None, "sparse", "dense", "hybrid"])
def test_what_is_no_vector_is_refused_in_any_mode(search, mode):
    for given in ([1, 2], np.ones(3), 7):
        with pytest.raises(InputTypeError, match="query vectors must be a scipy"):
            search.search(given, mode=mode)
        with pytest.raises(InputTypeError, match="query vectors must be a scipy"):
            search.query_terms(given, mode=mode)
    with pytest.raises(InputError, match="query vectors have 3 columns"):
        search.search(sparse.csr_array((1, 3)), mode=mode)
    with pytest.raises(InputError, match="the query has 2 rows"):
        search.query_terms(search.encode_queries(["a cat", "a mat"]), mode=mode)


def test_scores_beyond_float32_are_refused_where_they_are_compared(search, model):
    rows = search.encode_queries(["cat"])
    expected = scores(search.search(rows, mode="hybrid"))
    for factor in (1e-30, 1e30):
        found = scores(search.search(rows * factor, mode="hybrid"))
        assert found == pytest.approx(expected, abs=1e-5)
    heavy = sparse.csr_array(rows * np.float32(3e38 / rows.max()))
    search.add_vectors(["heavy"], sparse.csr_array(model.encode_documents(["cat"]) * 1e6))
    with pytest.raises(InputError, match="the query's sparse scores are beyond float32"):
        search.search(heavy, mode="hybrid")
    light = model.encode_documents(["zebra"])
    light = sparse.csr_array(light * np.float32(1e-43))
    search.add_vectors(["light"], light)
    row = search.encode_queries(["zebra"])
    with pytest.raises(InputError, match="the query's hybrid scores are beyond float32"):
        search.search(row, mode="hybrid", weights={"bm25": 1e15})


def test_weights_may_be_numbers_of_numpy(search):
    weights = {"bm25": np.float32(0.5), "dense": np.int64(1)}
    found = scores(search.search("cat", mode="hybrid", weights=weights))
    assert found == scores(search.search("cat", mode="hybrid", weights={"bm25": 0.5, "dense": 1}))


def test_the_dense_part_is_made_as_the_rest(tmp_path):
    model = rarefy.load("splade-tiny+dense", cache=tmp_path, dtype="bfloat16", device="cpu")
    encoder = model.dense.dense
    assert (encoder.dtype, encoder.pipeline.device.type) == ("bfloat16", "cpu")
    model.encode_documents(["A text of its own."])
    again = rarefy.load("splade-tiny+dense", cache=tmp_path, dtype="bfloat16", device="cpu")
    again.encode_documents(["A text of its own."])
    assert (encoder.computed, again.dense.dense.computed) == (1, 0)
    with pytest.raises(InputError, match="dtype is 'half'"):
        rarefy.load("splade-tiny+dense", dtype="half")


def test_a_folder_of_a_model_is_joined_wherever_it_is_and_found_from_anywhere(
    tmp_path, model, monkeypatch
):
    home = tmp_path / "c++" / "mine"
    home.parent.mkdir()
    model.save(home)
    monkeypatch.chdir(home.parent)
    with rarefy.Search(tmp_path / "notes", "mine+bm25") as search:
        search.add([TEXTS["cat"]], ids=["cat"])
    monkeypatch.chdir(tmp_path)
    again = rarefy.Search(tmp_path / "notes")
    assert scores(again.search("cat", mode="bm25"))
    assert again.model.name == f"{home}+bm25"


@pytest.mark.parametrize("name", ["splade-tiny", "splade-tiny+bm25"])
def test_an_index_may_be_called_what_its_model_is(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with rarefy.Search(name, name) as search:
        search.add([TEXTS["cat"]], ids=["cat"])
    assert rarefy.Search(name).search("cat")
    assert rarefy.Search(name, name).model.name == name


def test_names_that_join_nothing_are_refused():
    for name in ("minilm-d2s+", "minilm-d2s+bm25+bm25", "minilm-d2s+splade-tiny"):
        with pytest.raises(InputError, match="expected bm25, dense or both"):
            rarefy.load(name)
    with pytest.raises(InputError, match="expected a model of learned vectors"):
        rarefy.load("bm25+dense")


def test_the_command_line_searches_in_modes(search, tmp_path):
    search.close()
    runner = CliRunner()
    found = {}
    for mode in ("bm25", "dense"):
        options = ["--mode", mode, "--json", "--explain"]
        done = runner.invoke(app, ["search", str(tmp_path / "notes"), "cat", *options])
        (answer,) = json.loads(done.stdout)["queries"]
        found[mode] = answer["hits"]
    assert [hit["id"] for hit in found["bm25"]] == ["cat"]
    assert [term for term, _ in found["bm25"][0]["terms"]] == ["bm25:cat"]
    assert len(found["dense"]) == 4
    assert found["dense"][0]["score"] < 1
    assert found["dense"][0]["terms"] == []
