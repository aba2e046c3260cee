"""Dense vectors in pairs of columns: what a matrix product leaves out is never a result."""

import numpy as np
import pytest
from scipy import sparse

from rarefy.errors import InputError, InputTypeError
from rarefy.index import Index, Writer
from rarefy.index.pairs import search_pairs

OTHERS = 40  # columns before the pairs
D = 16
LEVEL = np.float32(6 * D**-0.5)


def unit(rng, n):
    dense = rng.standard_normal((n, D))
    return (dense / np.linalg.norm(dense, axis=1, keepdims=True)).astype(np.float32)


def documents(rng, dense, level=LEVEL):
    halves = np.maximum(np.concatenate([dense, -dense], axis=1) + level, 0)
    others = sparse.random_array((len(dense), OTHERS), density=0.2, rng=rng)
    return sparse.csr_array(sparse.hstack([others, halves], format="csr"), dtype=np.float32)


def queries(dense):
    halves = np.maximum(np.concatenate([dense, -dense], axis=1), 0)
    blank = sparse.csr_array((len(dense), OTHERS))
    return sparse.csr_array(sparse.hstack([blank, halves], format="csr"), dtype=np.float32)


def assert_same(index, asked, k, **options):
    expected = index.search(asked, k, **options)
    found = search_pairs(index, asked, k, OTHERS, **options)
    for name, array in expected._asdict().items():
        np.testing.assert_array_equal(getattr(found, name), array, err_msg=name)


@pytest.mark.parametrize("k", [1, 10, 299, 300, 1000])
def test_results_are_those_of_the_index(k):
    rng = np.random.default_rng(k)
    index = Index.build(documents(rng, unit(rng, 300)))
    asked = queries(unit(rng, 20))
    assert_same(index, asked, k)
    assert_same(index, asked, k, threads=2)
    assert_same(index, asked[[0]], k, filter=rng.random(300) < 0.3)
    assert_same(index, asked, k, filter=np.zeros(300, np.bool_))
    assert_same(index, asked[:0], k)


def test_few_documents_are_looked_at(monkeypatch):
    rng = np.random.default_rng(0)
    index = Index.build(documents(rng, unit(rng, 5000)))
    kept = []
    search = type(index._snapshot).search
    monkeypatch.setattr(
        type(index._snapshot), "search", lambda *a: kept.append(int(a[4].sum())) or search(*a)
    )
    search_pairs(index, queries(unit(rng, 1)), 10, OTHERS)
    assert kept[0] < 20


def test_equal_documents_come_in_their_order():
    rng = np.random.default_rng(1)
    dense = np.repeat(unit(rng, 7), 30, axis=0)
    # Sums that differ in their last bits alone, or not at all once they are float32.
    dense += rng.integers(0, 2, dense.shape) * np.float32(3e-8)
    index = Index.build(documents(rng, dense))
    for k in (1, 5, 40):
        assert_same(index, queries(unit(rng, 10)), k)


def test_documents_of_several_segments_are_found_but_those_that_are_deleted(tmp_path):
    rng = np.random.default_rng(2)
    with Writer(tmp_path / "index", vocabulary_size=OTHERS + 2 * D, background=False) as writer:
        for start in range(0, 200, 50):
            names = [str(i) for i in range(start, start + 50)]
            writer.upsert(names, documents(rng, unit(rng, 50)))
            writer.commit()
            index = Index.open(tmp_path / "index")
        writer.delete(["3", "120"])
        writer.upsert(["7"], documents(rng, unit(rng, 1)))
        writer.commit()
        asked = queries(unit(rng, 10))
        assert_same(index, asked, 5)
        made = [id(part.derived) for part in index._snapshot.parts]
        index.refresh()
        assert id(index._snapshot.parts[0].derived) == made[0]
        assert len(index._snapshot.parts) > 1
        assert_same(index, asked, 5)
        assert_same(index, asked, 500, filter=["7", "8", "119"])


def test_vectors_of_any_kind_are_found():
    rng = np.random.default_rng(3)
    cut = documents(rng, unit(rng, 100), level=np.float32(0.1))  # most have a side that is cut
    without = sparse.csr_array(documents(rng, unit(rng, 20))).tolil()
    without[:, OTHERS:] = 0
    halves = sparse.csr_array(documents(rng, unit(rng, 20))).tolil()
    halves[:, OTHERS + D :] = 0
    some = sparse.random_array((30, OTHERS + 2 * D), density=0.1, rng=rng, dtype=np.float32)
    given = sparse.vstack([cut, without.tocsr(), halves.tocsr(), some], format="csr")
    given = sparse.csr_array(given, dtype=np.float32)
    both = queries(unit(rng, 5)) + queries(unit(rng, 5))
    one = sparse.csr_array((np.ones(1, np.float32), ([0], [OTHERS + 3])), shape=(1, OTHERS + 2 * D))
    empty = sparse.csr_array((1, OTHERS + 2 * D), dtype=np.float32)
    asked = sparse.csr_array(sparse.vstack([both, one, empty], format="csr"))
    for scale in (1, 1e-30, 1e-42, 1e30, 1e37):
        with np.errstate(over="ignore"):
            index = Index.build(sparse.csr_array(given * np.float32(scale)))
        for factor in (1, 1e-40, 1e38):
            for k in (1, 10, 60):
                assert_same(index, sparse.csr_array(asked * np.float32(factor)), k)


def test_scores_that_are_the_same_in_float32_come_in_their_order():
    rng = np.random.default_rng(6)
    index = Index.build(documents(rng, unit(rng, 100)))
    for factor in (1e-44, 1e38):  # few numbers, and infinity
        asked = queries(unit(rng, 5)) * np.float32(factor)
        for k in (1, 5):
            assert_same(index, sparse.csr_array(asked), k)


def test_sums_that_are_no_numbers_leave_no_document_out():
    even = np.arange(2**16) % 2  # products are infinite, of either sign in turn
    rows = np.tile(np.concatenate([even, 1 - even]) * np.float32(3.4e38), (2, 1))
    index = Index.build(sparse.csr_array(rows, dtype=np.float32))
    asked = sparse.csr_array(np.repeat([[1, 0]], len(even), axis=1), dtype=np.float32)
    for k in (1, 3):
        found = search_pairs(index, asked, k, 0)
        np.testing.assert_array_equal(found.rows, index.search(asked, k).rows)


def test_an_index_without_documents_or_with_codes_alone_is_searched():
    rng = np.random.default_rng(4)
    asked = queries(unit(rng, 3))
    assert_same(Index.build(documents(rng, unit(rng, 0))), asked, 5)
    assert_same(Index.build(documents(rng, unit(rng, 90)), compact=True), asked, 5)


def test_what_is_asked_for_is_checked_as_by_the_index():
    rng = np.random.default_rng(5)
    index = Index.build(documents(rng, unit(rng, 9)))
    asked = queries(unit(rng, 1))
    for options, error in [
        ({"k": 0}, InputError),
        ({"k": "1"}, InputTypeError),
        ({"k": 1, "threads": 0}, InputError),
        ({"k": 1, "recall": 2}, InputError),
        ({"k": 1, "filter": 7}, InputTypeError),
    ]:
        with pytest.raises(error):
            search_pairs(index, asked, first=OTHERS, **options)
    with pytest.raises(InputTypeError, match="query vectors"):
        search_pairs(index, [1.0], 1, OTHERS)
