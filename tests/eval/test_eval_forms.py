"""Each form that vectors are exchanged in: round trips, and what cannot stand in it."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from rarefy.errors import InputError
from rarefy.eval import read_vectors, write_vectors
from rarefy.eval.interchange.vectors import Vectors, impacts

words = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1)
FLOATS = ["v.jsonl", "v.jsonl.gz", "folder", "doc/doc-embeddings.npz"]
WHOLE = ["v.jsonl", "v.tsv", "v.tsv.gz", "v.ciff", "v.ciff.gz"]


@st.composite
def tables(draw, weights):
    ids = draw(st.lists(words, min_size=1, max_size=5, unique=True))
    terms = draw(st.lists(words, min_size=1, max_size=6, unique=True))
    cells = st.sampled_from([0.0]) | weights
    dense = [draw(st.lists(cells, min_size=len(terms), max_size=len(terms))) for _ in ids]
    return ids, csr_array(np.array(dense, dtype=np.float32)), terms


@settings(max_examples=60, deadline=None)
@given(table=tables(st.floats(0, 1e3, width=32, exclude_min=True)), form=st.sampled_from(FLOATS))
def test_floats_come_back_bit_for_bit(as_dicts, tmp_path_factory, table, form):
    ids, matrix, terms = table
    path = tmp_path_factory.mktemp("forms") / form
    write_vectors(path, ids, matrix, terms=terms)
    found = read_vectors(path)
    if form.endswith(".npz"):  # which numbers terms
        terms = [str(column) for column in range(len(terms))]
    assert as_dicts(found) == as_dicts(Vectors(ids, matrix, terms))
    assert found.ids == ids
    assert found.matrix.dtype == np.float32


@settings(max_examples=60, deadline=None)
@given(
    table=tables(st.integers(1, 300).map(float)),
    form=st.sampled_from(WHOLE),
)
def test_whole_weights_come_back_exactly_at_a_scale_of_one(as_dicts, tmp_path_factory, table, form):
    ids, matrix, terms = table
    path = tmp_path_factory.mktemp("forms") / form
    write_vectors(path, ids, matrix, terms=terms, scale=1)
    found = read_vectors(path)
    assert as_dicts(found) == as_dicts(Vectors(ids, matrix, terms))
    assert found.ids == ids
    if "ciff" in form:
        assert found.terms == sorted(set(found.terms))


@settings(max_examples=60, deadline=None)
@given(
    table=tables(st.floats(0, 20, width=32, exclude_min=True)),
    form=st.sampled_from(WHOLE),
    scale=st.sampled_from([None, 10.0, 1000.0]),
)
def test_other_weights_come_back_to_half_a_step(as_dicts, tmp_path_factory, table, form, scale):
    ids, matrix, terms = table
    path = tmp_path_factory.mktemp("forms") / form
    write_vectors(path, ids, matrix, terms=terms, scale=scale or 100.0)
    found, expected = as_dicts(read_vectors(path)), as_dicts(Vectors(ids, matrix, terms))
    scale = scale or 100.0
    for key, vector in expected.items():
        for term, weight in vector.items():
            back = found[key].pop(term, 0.0) / scale
            assert abs(back - weight) <= 0.5 / scale * (1 + 1e-6)
        assert not found[key]


def test_forms_of_whole_numbers_take_hundredths_by_default(as_dicts, tmp_path):
    matrix = csr_array(np.array([[0.256, 1.0, 0.004]], dtype=np.float32))
    for name in ("a.tsv", "a.ciff"):
        write_vectors(tmp_path / name, ["q"], matrix, terms=["x", "y", "z"])
        assert as_dicts(read_vectors(tmp_path / name)) == {"q": {"x": 26.0, "y": 100.0}}
    assert (tmp_path / "a.tsv").read_text() == "q\t" + " ".join(["x"] * 26 + ["y"] * 100) + "\n"


def test_a_collection_in_parts_is_one(as_dicts, tmp_path):
    for part, line in enumerate([{"id": "a", "vector": {"x": 1}}, {"id": "b", "vector": {"y": 2}}]):
        text = json.dumps(line) + "\n"
        (tmp_path / f"docs{part}.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    found = read_vectors(tmp_path)
    assert as_dicts(found) == {"a": {"x": 1.0}, "b": {"y": 2.0}}
    (tmp_path / "docs2.jsonl").write_text('{"id": "a", "vector": {}}\n')
    with pytest.raises(InputError, match=r"docs2\.jsonl:1: id 'a' occurs twice"):
        read_vectors(tmp_path)


def test_impacts():
    matrix = csr_array(np.array([[0.5, 0.015, 2.5]], dtype=np.float32))
    assert impacts("p", matrix, 1).toarray().tolist() == [[0, 0, 2]]  # halves to even
    assert impacts("p", matrix, 10).toarray().tolist() == [[5, 0, 25]]
    assert impacts("p", matrix, 10).nnz == 2
    for scale in (0, -1, np.nan, np.inf):
        with pytest.raises(InputError, match="scale is"):
            impacts("p", matrix, scale)
    with pytest.raises(InputError, match="cannot be an impact"):
        impacts("p", matrix, 1e12)
    with pytest.raises(InputError, match=r"weight -1\.0 times 1 cannot be an impact"):
        impacts("p", csr_array(np.array([[-1]], dtype=np.float32)), 1)


@pytest.mark.parametrize(
    ("name", "ids", "terms", "scale", "message"),
    [
        ("v.tsv", ["a b"], ["x"], None, "a id is 'a b'"),
        ("v.tsv", ["a"], ["x y"], None, "a term is 'x y'"),
        ("v.tsv", ["a"], [""], None, "a term is ''"),
        ("out", ["a"], ["x"], 100, "a folder holds float32"),
        ("doc-embeddings.npz", ["a"], ["x"], 100, "holds float32"),
        ("doc-embeddings.npz", [" a"], ["x"], None, "white space at its ends"),
        ("v.npz", ["a"], ["x"], None, "does not say the ids of its rows"),
        ("v.ciff", ["a"], ["x"], 3e9, "cannot be an impact"),
        ("v.ciff", ["a"], ["x"], 0, "scale is 0"),
        ("v.jsonl", ["a"], ["x"], 0, "scale is 0"),
        ("v.tsv", ["a"], ["x"], -1, "scale is -1"),
    ],
)
def test_what_cannot_stand_in_a_form(tmp_path, name, ids, terms, scale, message):
    matrix = csr_array(np.ones((1, 1), dtype=np.float32))
    with pytest.raises(InputError, match=message):
        write_vectors(tmp_path / name, ids, matrix, terms=terms, scale=scale)
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_not_finite_are_not_written(tmp_path):
    matrix = csr_array(np.array([[np.nan]], dtype=np.float32))
    for name in ("v.jsonl", "v.tsv", "v.ciff", "doc-embeddings.npz", "out"):
        with pytest.raises(InputError, match="vector of 'a' has the weight nan"):
            write_vectors(tmp_path / name, ["a"], matrix)


def test_a_document_may_be_too_long_for_ciff(tmp_path):
    matrix = csr_array(np.full((1, 3), 1e9, dtype=np.float32))
    with pytest.raises(InputError, match="impacts add up to 3000000000: lower the scale"):
        write_vectors(tmp_path / "v.ciff", ["a"], matrix, scale=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q1 cat\n", ":1: no id and tab"),
        ("\tcat\n", ":1: no id and tab"),
        ("q1\tcat\nq1\tdog\n", ":2: id 'q1' occurs twice"),
        ("", "has no vectors"),
    ],
)
def test_broken_queries(tmp_path, text, message):
    (tmp_path / "q.tsv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_vectors(tmp_path / "q.tsv")


def test_a_query_without_terms_is_kept(as_dicts, tmp_path):
    (tmp_path / "q.tsv").write_text("q1\t\nq2\ta a b\n")
    assert as_dicts(read_vectors(tmp_path / "q.tsv")) == {"q1": {}, "q2": {"a": 2.0, "b": 1.0}}


def test_damaged_ciff_is_refused_or_read(tmp_path):
    path, random = tmp_path / "v.ciff", np.random.default_rng(0)
    matrix = csr_array(random.integers(0, 3, size=(4, 5)).astype(np.float32))
    write_vectors(path, list("abcd"), matrix, scale=1)
    whole = path.read_bytes()
    for end in range(len(whole)):  # a part of it is never a whole file
        path.write_bytes(whole[:end])
        with pytest.raises(InputError, match=r"v\.ciff"):
            read_vectors(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(InputError, match="goes on after"):
        read_vectors(path)
    for _ in range(300):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[random.integers(len(whole), size=2)] = random.integers(256, size=2)
        path.write_bytes(damaged.tobytes())
        try:
            found = read_vectors(path)
        except InputError:
            continue
        found.matrix.check_format(full_check=True)
    with pytest.raises(InputError, match="check the path"):
        read_vectors(tmp_path / "none.ciff")


def test_damaged_npz_is_refused(tmp_path):
    path = tmp_path / "query-embeddings.npz"
    with pytest.raises(InputError, match="expected both"):
        read_vectors(path)
    write_vectors(path, ["a", "b"], csr_array(np.eye(2, dtype=np.float32)))
    (tmp_path / "query-ids.txt").write_text("a")
    with pytest.raises(InputError, match="1 ids; the matrix has 2"):
        read_vectors(path)
    path.write_bytes(b"PK nothing")
    with pytest.raises(InputError, match="not the CSR matrix"):
        read_vectors(tmp_path)
