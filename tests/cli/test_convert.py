"""``rarefy convert``."""

import numpy as np
import pytest

from rarefy.eval import read_vectors


@pytest.mark.parametrize("name", ["out.ciff.gz", "out.jsonl", "out.tsv", "folder"])
def test_vectors_go_from_one_form_into_another(run, tmp_path, vectors, name):
    pytest.importorskip("google.protobuf", reason="pip install 'rarefy[eval]'")
    done = run("convert", vectors, tmp_path / name)
    assert (done.status, done.out) == (0, "")
    assert f"{name}: 3 vectors, 5 weights" in done.err
    found = read_vectors(tmp_path / name)
    assert found.ids == ["a", "b", "c"]
    order = [found.terms.index(term) for term in ("matrix", "cat", "linear", "inverse")]
    whole = name in ("out.ciff.gz", "out.tsv")
    expected = np.array([[1.5, 0, 0, 2], [0, 1, 0, 0], [0.5, 0, 0.25, 0]]) * (100 if whole else 1)
    assert found.matrix.toarray()[:, order].tolist() == expected.tolist()


def test_a_scale_makes_whole_numbers(run, tmp_path, vectors):
    assert run("convert", vectors / "vectors.npz", tmp_path / "v.jsonl", "--scale", 4).status == 0
    first = (tmp_path / "v.jsonl").read_text().splitlines()[0]
    assert first == '{"id": "a", "vector": {"matrix": 6, "inverse": 8}}'


def test_what_is_written_is_indexed(run, tmp_path, vectors):
    for name in ("v.ciff", "doc/doc-embeddings.npz"):
        assert run("convert", vectors, tmp_path / name).status == 0
        done = run("index", tmp_path / name, "--out", tmp_path / "index")
        assert done.status == 0
        assert "3 documents, 5 postings" in done.err
    done = run("index", tmp_path / "doc", "--out", tmp_path / "index")
    assert "3 documents, 5 postings" in done.err


def test_bad_input(refused, tmp_path, vectors):
    assert "no vectors at" in refused("convert", tmp_path / "none", tmp_path / "v.ciff")
    assert "scale is -1.0" in refused("convert", vectors, tmp_path / "v.ciff", "--scale", -1)
    assert "does not say the ids" in refused("convert", vectors, tmp_path / "other.npz")
    (tmp_path / "a.npz").write_bytes(b"")
    assert "does not say the ids" in refused("convert", tmp_path / "a.npz", tmp_path / "v.ciff")
