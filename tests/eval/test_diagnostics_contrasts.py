"""Contrasts, openness, overlaps and complements, against their definitions."""

import numpy as np
import pytest

from rarefy.errors import InputError
from rarefy.eval.diagnostics import (
    average_overlap,
    complement,
    contrasts,
    openness,
    outlying_dimensions,
)


def test_contrasts():
    right = [[2, 1], [0, 3]]
    queries_alone = [[5, 4], [6, 7]]  # each query prefers its own; the first document does not
    documents_alone = [[5, 6], [4, 7]]
    equal = [[1, 1], [1, 1]]
    found = contrasts(np.array([right, queries_alone, documents_alone, equal]))
    assert found == (0.5, 0.5, 0.25)
    with pytest.raises(InputError, match=r"the shape \(2, 2\)"):
        contrasts(np.array(right))


def test_openness():
    scores = np.random.default_rng(0).normal(size=(7, 20))
    relevant = {row: [row, row + 7] for row in range(6)}
    found = openness(scores, relevant, [0, 5, 18], k=2, seed=3)
    assert found[0] == 1
    order = np.random.default_rng(3).permutation(20)
    for size in (5, 18):
        right = 0
        for row, own in relevant.items():
            others = [document for document in order if document not in own][:size]
            best = max(scores[row, own])
            right += sum(scores[row, other] >= best for other in others) < 2
        assert found[size] == right / 6
    assert found[18] <= found[5]
    for bad in ({"sizes": [19]}, {"sizes": [1], "k": 0}):
        with pytest.raises(InputError):
            openness(scores, relevant, **bad)


def test_average_overlap():
    one = {"q": {"a": 3.0, "b": 2.0, "c": 1.0}, "only": {"a": 1.0}}
    other = {"q": {"b": 3.0, "a": 2.0, "d": 1.0}}
    assert average_overlap(one, other, depth=3) == pytest.approx((0 + 1 + 2 / 3) / 3)
    assert average_overlap(one, one, depth=3) == pytest.approx((1 + (1 + 0.5 + 1 / 3) / 3) / 2)
    with pytest.raises(InputError, match="no query in common"):
        average_overlap(one, {"x": {}})
    with pytest.raises(InputError, match="depth is 0"):
        average_overlap(one, other, depth=0)


def test_complement():
    found = complement({"a": 1.0, "b": 0.2, "c": 0.5}, {"a": 0.4, "b": 0.8, "c": 0.5})
    assert found == (1, 1, pytest.approx((1 + 0.8 + 0.5) / 3))
    with pytest.raises(InputError, match="the same queries"):
        complement({"a": 1.0}, {"b": 1.0})


def test_outlying_dimensions():
    rows = np.random.default_rng(0).normal(size=(200, 50))
    rows[:, 7] += 9  # of another mean
    rows[:, 31] *= 9  # of another spread
    assert outlying_dimensions(rows).tolist() == [7, 31]
    assert outlying_dimensions(rows, deviations=8).tolist() == []
    with pytest.raises(InputError, match="1 vectors and 3"):
        outlying_dimensions(rows[:1])
