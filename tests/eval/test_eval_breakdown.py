import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from rarefy.eval.breakdown import FEATURES, bins, query_features

#            cat mat dog matrix inversion
DOCUMENTS = [[3, 1, 0, 0, 0], [1, 0, 2, 0, 0], [0, 0, 0, 2, 1], [0, 0, 0, 1, 0]]
QUERIES = [[2, 1, 0, 0, 0], [0, 0, 0, 1, 1], [0, 0, 1, 0, 0]]


def features(tiny, queries=QUERIES):
    return query_features(csr_array(np.array(DOCUMENTS)), csr_array(np.array(queries)), tiny)


def test_features_are_what_they_are_said_to_be(tiny):
    found = features(tiny)
    assert found.keys() == FEATURES.keys()
    assert found["length"] == {"q1": 2.0, "q2": 2.0}
    # q1, cat and mat: both are in d1, one of them is in d2; two documents have cat, one has mat.
    assert found["overlap"] == {"q1": 0.75, "q2": 1.0}
    assert found["frequency"] == {"q1": pytest.approx(0.375), "q2": pytest.approx(0.375)}


def test_what_a_query_has_not_is_left_out(tiny):
    tiny.qrels["q3"] = {"d1": 0}
    found = features(tiny, [[0, 0, 0, 0, 0], *QUERIES[1:]])
    assert found["length"] == {"q1": 0.0, "q2": 2.0, "q3": 1.0}
    assert found["overlap"] == {"q2": 1.0}
    assert found["frequency"].keys() == {"q2", "q3"}


@given(
    st.dictionaries(st.text(max_size=3), st.integers(0, 9).map(float), max_size=40),
    st.integers(1, 6),
)
def test_bins_hold_every_query_once_in_order(values, count):
    found = bins(values, count=count)
    assert sorted(key for members in found for key in members.query_ids) == sorted(values)
    assert len(found) <= count
    for members in found:
        inside = [values[key] for key in members.query_ids]
        assert (min(inside), max(inside)) == (members.low, members.high)
    for lower, higher in itertools.pairwise(found):
        assert lower.high < higher.low


def test_bins_are_even_where_values_differ():
    values = {f"q{n}": float(n) for n in range(100)}
    assert [len(found.query_ids) for found in bins(values)] == [25, 25, 25, 25]
