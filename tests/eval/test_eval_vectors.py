import gzip
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array, csr_array

from rarefy.errors import InputError
from rarefy.eval import read_vectors, write_vectors
from rarefy.eval.interchange import align

weights = st.floats(0, 1e3, width=32, exclude_min=True)
records = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=4),
    st.dictionaries(st.text(max_size=3), weights, max_size=6),
    min_size=1,
    max_size=6,
)


def write_lines(path, lines):
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@settings(max_examples=50, deadline=None)
@given(records=records, form=st.sampled_from(["a.jsonl", "a.jsonl.gz", "folder"]))
def test_vectors_survive_both_forms(as_dicts, tmp_path_factory, records, form):
    folder = tmp_path_factory.mktemp("vectors")
    lines = [{"id": key, "vector": vector} for key, vector in records.items()]
    first = read_vectors(write_lines(folder / "in.jsonl", lines))
    assert as_dicts(first) == records
    assert first.matrix.dtype == np.float32
    write_vectors(folder / form, first.ids, first.matrix, terms=first.terms)
    assert as_dicts(read_vectors(folder / form)) == records


def test_anserini_files_are_read(as_dicts, tmp_path):
    line = {"id": "d1", "contents": "a text", "vector": {"##s": 12, "7": 3}}
    found = read_vectors(write_lines(tmp_path / "a.jsonl.gz", [line]))
    assert as_dicts(found) == {"d1": {"##s": 12.0, "7": 3.0}}


def test_columns_without_names_are_named_by_number(as_dicts, tmp_path):
    matrix = csr_array(np.array([[0, 2.5, 0], [1, 0, 0]], dtype=np.float32))
    write_vectors(tmp_path / "out", ["a", "b"], matrix)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["ids.txt", "vectors.npz"]
    found = read_vectors(tmp_path / "out")
    assert found.terms == ["0", "1", "2"]
    assert as_dicts(found) == {"a": {"1": 2.5}, "b": {"0": 1.0}}
    write_vectors(tmp_path / "out.jsonl", ["a", "b"], matrix)
    assert as_dicts(read_vectors(tmp_path / "out.jsonl")) == as_dicts(found)


def test_two_files_share_one_vocabulary(as_dicts, tmp_path):
    documents = write_lines(
        tmp_path / "d.jsonl",
        [{"id": "d1", "vector": {"cat": 2, "dog": 3}}, {"id": "d2", "vector": {"owl": 5}}],
    )
    queries = write_lines(
        tmp_path / "q.jsonl", [{"id": "q1", "vector": {"owl": 1, "yak": 9, "cat": 10}}]
    )
    d, q = align(read_vectors(documents), read_vectors(queries))
    assert list(d.terms) == list(q.terms) == ["cat", "dog", "owl", "yak"]
    assert d.matrix.shape == (2, 4)
    assert as_dicts(q) == {"q1": {"cat": 10.0, "owl": 1.0, "yak": 9.0}}
    np.testing.assert_array_equal((q.matrix @ d.matrix.T).toarray(), [[20.0, 5.0]])
    assert align(d, q) == (d, q)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{\n", r":2: broken JSON"),
        ({"id": "x"}, r":2: expected .* found \{\"id\": \"x\"\}"),
        ({"id": 5, "vector": {}}, r":2: expected"),
        ({"id": "x", "vector": [1, 2]}, r":2: expected"),
        ({"id": "x", "vector": {"a": "much"}}, r":2: a weight is not a number"),
        ({"id": "x", "vector": {"a": None}}, r":2: a weight is not a number"),
        ({"id": "d1", "vector": {}}, r":2: id 'd1' occurs twice"),
        ('{"id": "x", "vector": {"a": NaN}}\n', r"vector of 'x' has the weight nan"),
        ('{"id": "x", "vector": {"a": 1e99}}\n', r"vector of 'x' has the weight inf"),
    ],
)
def test_broken_lines_are_errors_that_name_the_place(tmp_path, line, message):
    path = write_lines(tmp_path / "a.jsonl", [{"id": "d1", "vector": {"a": 1}}, line])
    with pytest.raises(InputError, match=message):
        read_vectors(path)


def test_files_that_are_not_vectors_are_errors(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_vectors(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="has no vectors"):
        read_vectors(write_lines(tmp_path / "a.jsonl", []))
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(InputError, match=r"no vectors.npz and no ids.txt"):
        read_vectors(folder)
    matrix = csr_array(np.eye(2, dtype=np.float32))
    write_vectors(folder, ["a", "b"], matrix, terms=["x", "y"])
    (folder / "ids.txt").write_text("a\n")
    with pytest.raises(InputError, match=r"ids.txt: 1 ids; the matrix has 2"):
        read_vectors(folder)
    (folder / "ids.txt").write_text("a\na\n")
    with pytest.raises(InputError, match=r"'a' occurs twice"):
        read_vectors(folder)
    (folder / "ids.txt").write_text("a\nb\n")
    for text, message in [("[1]", "not a list of strings"), ("[", "not JSON")]:
        (folder / "terms.json").write_text(text)
        with pytest.raises(InputError, match=message):
            read_vectors(folder)
    (folder / "vectors.npz").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match=r"vectors.npz is not a sparse matrix"):
        read_vectors(folder)


@pytest.mark.parametrize(
    ("ids", "terms", "message"),
    [
        (["a"], None, "1 ids; the matrix has 2"),
        (["a", "a"], None, "'a' occurs twice"),
        (["a", "b\nc"], None, "line break"),
        (["a", "b"], ["x"], "1 terms; the matrix has 2"),
    ],
)
def test_names_that_do_not_fit_are_errors(tmp_path, ids, terms, message):
    with pytest.raises(InputError, match=message):
        write_vectors(tmp_path / "out", ids, csr_array(np.eye(2, dtype=np.float32)), terms=terms)
    assert not (tmp_path / "out").exists()


def test_any_sparse_matrix_is_written_by_row(tmp_path):
    matrix = csc_array(np.array([[1, 0], [2, 3]], dtype=np.float32))
    for name in ("v.jsonl", "folder"):
        write_vectors(tmp_path / name, ["a", "b"], matrix, terms=["x", "y"])
        found = read_vectors(tmp_path / name)
        np.testing.assert_array_equal(found.matrix.toarray(), matrix.toarray())


def test_terms_of_vectors_written_before_are_not_kept(tmp_path):
    matrix = csr_array(np.eye(2, dtype=np.float32))
    write_vectors(tmp_path, ["a", "b"], matrix, terms=["x", "y"])
    write_vectors(tmp_path, ["a", "b"], matrix)
    assert read_vectors(tmp_path).terms == ["0", "1"]


def test_damaged_folders_are_errors(tmp_path):
    write_vectors(tmp_path, ["a", "b", "c"], csr_array(np.eye(3, dtype=np.float32)))
    path, random = tmp_path / "vectors.npz", np.random.default_rng(0)
    whole = path.read_bytes()
    refused = 0
    for _ in range(100):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[random.integers(len(whole), size=3)] = random.integers(256, size=3)
        path.write_bytes(damaged.tobytes())
        try:
            read_vectors(tmp_path)
        except InputError:
            refused += 1
    assert refused > 50
    for indices, indptr in (([0, 77, 2], [0, 1, 2, 3]), ([0, 1, 2], [0, -5, 2, 3])):
        arrays = {"data": np.ones(3), "indices": indices, "indptr": indptr, "shape": (3, 3)}
        np.savez(path, format=b"csr", _is_array=True, **arrays)
        with pytest.raises(InputError, match=r"vectors\.npz is not a sparse matrix"):
            read_vectors(tmp_path)
    path.write_bytes(whole)
    (tmp_path / "ids.txt").write_bytes(b"a\n\xff\nc\n")
    with pytest.raises(InputError, match=r"ids\.txt is not UTF-8"):
        read_vectors(tmp_path)


def test_a_weight_too_large_for_a_float(tmp_path):
    path = tmp_path / "v.jsonl"
    path.write_text('{"id": "a", "vector": {"x": 1%s}}\n' % ("0" * 400))
    with pytest.raises(InputError, match=":1: a weight is not a number"):
        read_vectors(path)
