"""What the index accepts, and what it says of the rest."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from rarefy.errors import InputError, InputTypeError
from rarefy.index import Index
from rarefy.index.vectors import canonical

DOCUMENTS = sp.csr_array(np.array([[1.0, 0, 2], [0, 3, 0]], np.float32))


@pytest.mark.parametrize("make", [sp.csr_array, sp.csr_matrix, sp.csc_array, sp.coo_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8])
def test_any_sparse_matrix_of_numbers_is_taken(make, dtype):
    vectors = canonical(make(DOCUMENTS.toarray().astype(dtype)))
    assert vectors.columns.tolist() == [0, 2, 1]
    assert vectors.weights.tolist() == [1.0, 2.0, 3.0]
    assert vectors.indptr.tolist() == [0, 2, 3]


def test_unsorted_columns_duplicates_and_zeros_become_canonical():
    matrix = sp.csr_array(
        (np.array([1.0, 0.0, 2.0, 5.0, 1.0]), np.array([4, 2, 1, 0, 0]), np.array([0, 3, 5])),
        shape=(2, 5),
    )
    before = matrix.data.copy(), matrix.indices.copy()
    vectors = canonical(matrix)
    assert vectors.columns.tolist() == [1, 4, 0]
    assert vectors.weights.tolist() == [2.0, 1.0, 6.0]
    assert (matrix.data == before[0]).all()
    assert (matrix.indices == before[1]).all()


def test_one_row_may_be_a_1d_array():
    index = Index.build(DOCUMENTS)
    assert index.search(DOCUMENTS[[1]].reshape(3)).rows[0, 0] == 1
    assert index.explain(DOCUMENTS[1], id="1") == [(1, 9.0)]


@pytest.mark.parametrize("weight", [np.nan, np.inf, -1.0, 1e39])
def test_a_weight_that_cannot_be_used_is_named(weight):
    matrix = sp.csr_array(([1.0, weight], [0, 1], [0, 1, 2]), shape=(2, 3))
    with pytest.raises(InputError, match=r"row 1 .*weights must be finite"):
        Index.build(matrix)
    with pytest.raises(InputError, match=r"query vectors: row 1"):
        Index.build(DOCUMENTS).search(matrix)


@pytest.mark.parametrize("matrix", [[[1.0]], np.ones((2, 2)), None, "text", sp.csr_array([[1j]])])
def test_what_is_no_sparse_matrix_of_numbers_is_refused(matrix):
    with pytest.raises(InputTypeError, match="document vectors must"):
        Index.build(matrix)


@pytest.mark.parametrize("texts", ["a text", ["a text"], ("a text",)])
def test_texts_are_to_be_encoded_first(texts):
    with pytest.raises(InputTypeError, match="encode texts with a model first"):
        canonical(texts)


def test_a_query_of_another_width_is_refused():
    with pytest.raises(InputError, match="have 4 columns, the index has a vocabulary of 3"):
        Index.build(DOCUMENTS).search(sp.csr_array((1, 4), dtype=np.float32))


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one_is_refused(k):
    with pytest.raises(InputError, match=f"k is {k}, expected at least 1"):
        Index.build(DOCUMENTS).search(DOCUMENTS, k=k)


@pytest.mark.parametrize("k", [1.0, "10", None, True])
def test_k_must_be_an_integer(k):
    with pytest.raises(InputTypeError, match="k must be an integer"):
        Index.build(DOCUMENTS).search(DOCUMENTS, k=k)


def test_k_may_be_a_numpy_integer():
    assert Index.build(DOCUMENTS).search(DOCUMENTS, k=np.int32(2)).rows.shape == (2, 2)


def test_ids():
    index = Index.build(DOCUMENTS, ids=["a", "é \n"])
    assert index.ids == ["a", "é \n"]
    assert index.search(DOCUMENTS, k=1).ids.ravel().tolist() == ["a", "é \n"]
    assert index.row_of("é \n") == 1
    with pytest.raises(InputError, match="no document has the id 'b'"):
        index.row_of("b")


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        (["a"], InputError, "1 ids were given for 2 documents"),
        (["a", "a"], InputError, "id 'a' is given to row 0 and to row 1"),
        (["a", 1], InputTypeError, r"ids\[1\] is 1 of type int"),
        ("ab", InputTypeError, "got one string 'ab'"),
    ],
)
def test_ids_that_cannot_be_used_are_named(ids, error, message):
    with pytest.raises(error, match=message):
        Index.build(DOCUMENTS, ids=ids)


def test_explain_sums_to_the_score(naive):
    rng = np.random.default_rng(0)
    documents = sp.random_array((50, 60), density=0.3, rng=rng, format="csr", dtype=np.float32)
    queries = sp.random_array((5, 60), density=0.3, rng=rng, format="csr", dtype=np.float32)
    index = Index.build(documents)
    hits = index.search(queries)
    for i in range(5):
        for row, score in zip(hits.rows[i], hits.scores[i], strict=True):
            parts = index.explain(queries[[i]], id=str(row))
            assert parts == naive.contributions(queries[[i]], documents[[row]])
            assert np.float32(sum(part for _, part in parts)) == pytest.approx(score, rel=1e-6)


def test_explain_takes_one_query():
    with pytest.raises(InputError, match="explain takes one query, got 2"):
        Index.build(DOCUMENTS).explain(DOCUMENTS, id="0")


def test_an_index_says_what_it_is():
    index = Index.build(DOCUMENTS)
    assert (len(index), index.vocabulary_size) == (2, 3)
    assert index.nbytes > 0
    assert repr(index) == "<Index of 2 documents, 3 postings, vocabulary 3>"


@pytest.mark.parametrize(
    ("indptr", "indices"), [([0, 1, 2], [0, 9]), ([0, 1, 2], [0, -1]), ([0, 2, 1, 2], [0, 1])]
)
def test_a_malformed_matrix_is_refused(indptr, indices):
    matrix = sp.csr_array((len(indptr) - 1, 3), dtype=np.float32)
    matrix.indptr = np.array(indptr, np.int32)
    matrix.indices = np.array(indices, np.int32)
    matrix.data = np.ones(2, np.float32)
    with pytest.raises(InputError, match="no valid CSR matrix"):
        Index.build(matrix)
