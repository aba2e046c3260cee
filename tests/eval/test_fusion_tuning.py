"""Fusions, and that tuning never sees the judgements of the test."""

from dataclasses import replace

import numpy as np
import pytest

from rarefy.errors import InputError
from rarefy.eval import Collection, bench
from rarefy.eval.systems import Ranked, Systems
from rarefy.eval.systems.fusion import normalised, weighted_sum
from rarefy.eval.systems.tuning import check_apart, shared_queries, tuned_weights

pytest.importorskip("ir_measures")


class FixedSystem:
    """Finds the same for every query that it is told."""

    exact, vectors, costs, parts, settings = None, None, None, (), {}
    kind, description = "sparse", "fixed"

    def __init__(self, name, rows, scores):
        self.name = name
        self.found = Ranked(np.array(rows), np.array(scores, dtype=np.float64))

    def search(self, k, *, threads=1, first=None):
        return Ranked(self.found.rows[:first, :k], self.found.scores[:first, :k])

    def search_one(self, query, k):
        return Ranked(self.found.rows[query, :k], self.found.scores[query, :k])

    def store(self, folder):
        return None


def collection(prefix, qrels, name="c", split="test"):
    return Collection(
        name=name,
        split=split,
        document_ids=["a", "b", "c", "d"],
        documents=["alpha", "beta", "gamma", "delta"],
        query_ids=[f"{prefix}{number}" for number in range(3)],
        queries=[f"{prefix} question {number}" for number in range(3)],
        qrels={f"{prefix}{number}": grades for number, grades in enumerate(qrels)},
    )


def by_hand(parts, method, weights):
    """Scores of one query by the definition: document -> sum of its normalised scores."""
    documents = {row for rows, _ in parts for row in rows}
    total = dict.fromkeys(documents, 0.0)
    for (rows, scores), weight in zip(parts, weights, strict=True):
        scores = np.array(scores, dtype=float)
        if method == "minmax":
            scaled = (scores - scores.min()) / (scores.max() - scores.min())
        else:
            scaled = (scores - scores.mean()) / scores.std()
        known = dict(zip(rows, scaled.tolist(), strict=True))
        for row in documents:
            total[row] += weight * known.get(row, scaled.min())
    return total


@pytest.mark.parametrize("method", ["minmax", "zscore"])
def test_sums_are_those_of_the_definition(method):
    random = np.random.default_rng(0)
    for _ in range(20):
        parts = [
            (random.permutation(9)[:count].tolist(), np.sort(random.normal(size=count))[::-1])
            for count in (5, 7, 2)
        ]
        weights = random.uniform(size=3)
        padded = [
            Ranked(np.array([*rows, -1]), np.array([*scores, -np.inf])) for rows, scores in parts
        ]
        found = weighted_sum(*normalised(padded, method), weights, 100)
        expected = by_hand(parts, method, weights)
        assert dict(zip(found.rows.tolist(), found.scores, strict=True)) == pytest.approx(expected)
        assert (np.diff(found.scores) <= 0).all()


def test_equal_scores_and_empty_rankings_do_no_harm():
    empty = Ranked(np.array([-1, -1]), np.array([-np.inf, -np.inf]))
    equal = Ranked(np.array([3, 1]), np.array([2.0, 2.0]))
    rows, scales = normalised([empty, equal], "zscore")
    np.testing.assert_array_equal(rows, [1, 3])
    np.testing.assert_array_equal(scales, np.zeros((2, 2)))
    assert len(normalised([empty, empty], "minmax")[0]) == 0


def test_the_better_part_gets_the_weight_and_of_equal_ones_the_middle():
    right = FixedSystem("right", [[0, 1, 2]] * 3, [[3, 2, 1]] * 3)
    wrong = FixedSystem("wrong", [[1, 2, 0]] * 3, [[3, 2, 1]] * 3)
    development = collection("dev", [{"a": 1}] * 3)
    assert tuned_weights([right, wrong], development, "minmax")[0] > 0.5
    assert tuned_weights([wrong, right], development, "minmax")[0] < 0.5
    assert tuned_weights([right, right], development, "zscore") == (0.5, 0.5)
    with pytest.raises(InputError, match=r"3 systems cannot be tuned.*minmax=0.5\*A"):
        tuned_weights([right, right, wrong], development, "minmax")


@pytest.fixture
def real(tiny):
    """A test and a development collection whose judgements want opposite weights."""
    test = replace(tiny, name="test")
    development = replace(
        tiny,
        name="development",
        split="train",
        query_ids=["t1", "t2", "t3"],
        queries=["dogs chase", "linear equations", "cat mat"],
        qrels={"t1": {"d2": 1}, "t2": {"d4": 1}, "t3": {"d1": 1}},
    )
    return test, development


def test_a_planted_leak_is_caught(real):
    test, development = real
    for leak in ("cat", " Matrix\n INVERSION "):
        planted = replace(
            development, queries=["dogs chase", leak, "cat mat"], split="train-with-a-leak"
        )
        with pytest.raises(InputError, match=r"'t2'.*train-with-a-leak.*would have seen the test"):
            bench(test, ["minmax=bm25+bm25"], development=planted)
        with pytest.raises(InputError, match="is query"):
            Systems(test, development=planted)
    check_apart(test, development)
    clean = planted.without_queries(shared_queries(test, planted))
    assert clean.query_ids == ["t1", "t3"]
    assert clean.qrels.keys() == {"t1", "t3"}
    check_apart(test, clean)
    with pytest.raises(InputError, match="would have seen the test"):
        bench(test, ["bm25"], development=test)


def test_an_unjudged_query_of_the_development_split_is_no_leak(real):
    test, development = real
    unjudged = replace(
        development,
        query_ids=[*development.query_ids, "t4"],
        queries=[*development.queries, "cat"],
    )
    assert bench(test, ["minmax=bm25+bm25"], development=unjudged)["systems"]


def test_weights_do_not_change_with_the_judgements_of_the_test(real):
    test, development = real
    opposite = replace(test, qrels={"q1": {"d4": 3}, "q2": {"d1": 3}})
    settings = [
        bench(judged, ["minmax=bm25+bm25:documents=1"], development=development)["systems"][0]
        for judged in (test, opposite)
    ]
    assert settings[0]["settings"] == settings[1]["settings"]
    assert "tuned on development (train)" in settings[0]["description"]
    assert settings[0]["measures"] != settings[1]["measures"]
    assert Systems(test)._collection.qrels == {}, "no system can look at the judgements"


def test_another_split_of_the_same_documents_is_asked_of_the_same_indexes(real):
    test, development = real
    systems = Systems(test, development=development)
    apart = Systems(development)
    _, others = systems._development
    assert others._indexed is systems
    for name in ("bm25", "bm25:documents=2:queries=1", "bm25:recall=0.9"):
        assert others[name].index is systems[name].index
        np.testing.assert_array_equal(others[name].search(4).rows, apart[name].search(4).rows)
        np.testing.assert_array_equal(others[name].search(4).scores, apart[name].search(4).scores)
    elsewhere = replace(development, language="de")
    assert Systems(test, development=elsewhere)._development[1]._indexed is None
    fewer = replace(development, documents=["other", *development.documents[1:]])
    assert Systems(test, development=fewer)._development[1]._indexed is None


def test_without_a_development_split_weights_are_equal_and_said_to_be(real):
    test, _ = real
    row = bench(test, ["zscore=bm25+bm25", "minmax=0.25*bm25+0.75*bm25"])["systems"]
    assert "equal weights, not tuned" in row[0]["description"]
    assert "0.25 : 0.75, given" in row[1]["description"]


def test_a_part_of_a_weighted_sum_is_that_of_the_whole():
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 40):
        rows, scales = np.sort(rng.permutation(100)[:n]), rng.integers(0, 3, (n, 2)) / 2
        whole = weighted_sum(rows, scales, (0.3, 0.7), n)
        order = np.lexsort((rows, -(scales @ [0.3, 0.7])))
        assert whole.rows.tolist() == rows[order].tolist()
        for k in range(1, n + 2):
            part = weighted_sum(rows, scales, (0.3, 0.7), k)
            assert part.rows.tolist() == whole.rows[:k].tolist()
            assert part.scores.tolist() == whole.scores[:k].tolist()
