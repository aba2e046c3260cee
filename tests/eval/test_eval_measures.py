import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarefy.errors import InputError
from rarefy.eval import evaluate
from rarefy.eval.measures import MEASURES, parse_measures
from rarefy.eval.run import decreasing, ranking, run_from_rows

pytest.importorskip("ir_measures")


def naive(ranked: list[str], grades: dict[str, int]) -> dict[str, float]:
    """nDCG@10, R@100 and RR@10 as the textbook has them."""
    gains = [max(0, grades.get(key, 0)) for key in ranked[:10]]
    best = sorted((max(0, grade) for grade in grades.values()), reverse=True)[:10]
    dcg, ideal = (
        sum(gain / math.log2(place + 2) for place, gain in enumerate(found))
        for found in (gains, best)
    )
    relevant = {key for key, grade in grades.items() if grade > 0}
    places = [place for place, key in enumerate(ranked[:10], 1) if key in relevant]
    return {
        "nDCG@10": dcg / ideal if ideal else 0.0,
        "R@100": len(relevant & set(ranked[:100])) / len(relevant) if relevant else 0.0,
        "RR@10": 1 / places[0] if places else 0.0,
    }


ids = st.sampled_from([f"d{number}" for number in range(30)])
queries = st.sampled_from(["q1", "q2", "q3", "q4"])
runs = st.dictionaries(queries, st.dictionaries(ids, st.integers(0, 5).map(float), max_size=20))
judgements = st.dictionaries(
    queries, st.dictionaries(ids, st.integers(-1, 3), min_size=1, max_size=15), min_size=1
)


@settings(max_examples=150, deadline=None)
@given(run=runs, qrels=judgements)
def test_measures_equal_the_textbook(run, qrels):
    found = evaluate(run, qrels, "nDCG@10 R@100 RR@10")
    assert found.queries == len(qrels)
    for query_id, grades in qrels.items():
        scores = run.get(query_id, {})
        ranked = sorted(sorted(scores, reverse=True), key=lambda key: -scores[key])
        for measure, value in naive(ranked, grades).items():
            assert found.per_query[measure][query_id] == pytest.approx(value)
    for measure, mean in found.mean.items():
        assert mean == pytest.approx(sum(found.per_query[measure].values()) / len(qrels))


@settings(max_examples=1000, deadline=None)
@given(run=runs, qrels=judgements)
def test_the_defaults_equal_trec_eval_where_scores_tie_and_queries_are_missing(run, qrels):
    pytrec_eval = pytest.importorskip("pytrec_eval")
    names = {"nDCG@10": "ndcg_cut_10", "R@100": "recall_100", "R@1000": "recall_1000", "AP": "map"}
    evaluator = pytrec_eval.RelevanceEvaluator(
        qrels, {"ndcg_cut.10", "recall.100,1000", "map", "recip_rank"}
    )
    theirs = evaluator.evaluate(run)
    found = evaluate(run, qrels)
    assert found.per_query.keys() == {*names, "RR@10"}
    for query_id in qrels:
        values = theirs.get(query_id, {})  # it leaves out queries that the run has not
        for measure, name in names.items():
            assert found.per_query[measure][query_id] == pytest.approx(values.get(name, 0.0))
        reciprocal = values.get("recip_rank", 0.0)  # which knows no cutoff
        expected = reciprocal if reciprocal > 1 / 10.5 else 0.0
        assert found.per_query["RR@10"][query_id] == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(run=runs, qrels=judgements, size=st.integers(1, 3))
def test_measures_do_not_depend_on_how_many_queries_are_measured_at_a_time(run, qrels, size):
    whole = evaluate(run, qrels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rarefy.eval.measures._CHUNK", size)
        assert evaluate(run, qrels) == whole


def test_the_commands_default_measures_are_the_librarys():
    import inspect

    from rarefy.cli.eval import evaluate as command

    assert inspect.signature(command).parameters["measures"].default == MEASURES


def test_equal_scores_are_ordered_by_the_rule_that_is_asked_for():
    """Rows 0, 1 and 2 have one score; trec_eval's own rule puts the last id first."""
    rows = np.array([[0, 1, 2, -1]])
    scores = np.array([[2.0, 2.0, 2.0, -np.inf]], np.float32)
    for ties, order in (("engine", ["a", "b", "c"]), ("trec_eval", ["c", "b", "a"])):
        run = run_from_rows(rows, scores, ["q1"], ["a", "b", "c"], ties=ties)
        assert ranking(run["q1"]) == order
        assert evaluate(run, {"q1": {order[0]: 1}}, "RR@10").mean["RR@10"] == 1.0


finite = st.floats(-(2.0**100), 2.0**100, width=32) | st.sampled_from([0.0, -0.0, 1.0, -1.0])


@given(st.lists(finite, max_size=30))
def test_scores_are_made_to_decrease_by_the_smallest_steps(values):
    values.sort(reverse=True)
    expected, last = [], np.float32(np.inf)
    for value in map(np.float32, values):
        last = value if value < last else np.nextafter(last, np.float32(-np.inf))
        expected.append(last)
    assert decreasing(np.array(values, np.float32)).tolist() == expected


def test_scores_that_rise_are_lowered_and_equal_ones_stay_equal():
    """As of an approximate system, whose search for more finds better documents late."""
    given = np.array([3.0, 3.0, 1.0, 2.0, 2.0, 0.5])
    below = np.nextafter(np.float32(1), np.float32(0))
    assert decreasing(given, ties="trec_eval").tolist() == [3.0, 3.0, 1.0, below, below, 0.5]
    near = np.array([1.0 + 1e-12, 1.0])  # two values, one float32
    assert np.diff(decreasing(near, ties="trec_eval"))[0] < 0


def test_results_without_a_judgement_are_counted_among_the_best_ten():
    run = {"q1": {f"d{n}": float(-n) for n in range(12)}, "q2": {"a": 1.0}, "q3": {}}
    qrels = {"q1": {"d0": 1, "d3": 0, "d11": 2}, "q2": {"a": 0}, "q3": {"a": 1}}
    assert evaluate(run, qrels).unjudged == pytest.approx((0.8 + 0.0) / 2)
    assert evaluate({}, qrels).unjudged == 0.0


def test_queries_without_results_count_0_and_those_without_judgements_not():
    run = {"q1": {"a": 1.0}, "q2": {}, "q9": {"a": 1.0}}
    qrels = {"q1": {"a": 1}, "q2": {"a": 1}, "q3": {"a": 1}}
    found = evaluate(run, qrels, "RR@10 Success@1")
    assert found.mean == {"RR@10": pytest.approx(1 / 3), "Success@1": pytest.approx(1 / 3)}
    assert found.per_query["RR@10"] == {"q1": 1.0, "q2": 0.0, "q3": 0.0}
    assert found.queries == 3
    assert found.queries_without_results == 2
    assert found.queries_without_judgements == 1


def test_a_run_without_any_result_counts_0():
    found = evaluate({}, {"q1": {"a": 1}}, ["nDCG@10"])
    assert found.mean == {"nDCG@10": 0.0}
    assert found.queries_without_results == 1


def test_scores_that_differ_only_beyond_float32_keep_their_order():
    run = {"q1": {"z": 1.0, "a": 1.0 + 1e-12}}
    assert evaluate(run, {"q1": {"a": 1}}, "RR@10").mean["RR@10"] == 1.0


def test_identical_ids_can_be_ignored():
    run = {"q1": {"q1": 9.0, "a": 1.0}, "q2": {"q2": 1.0}}
    qrels = {"q1": {"a": 1}, "q2": {"a": 1}}
    assert evaluate(run, qrels, "RR@10").mean["RR@10"] == 0.25
    found = evaluate(run, qrels, "RR@10", ignore_identical_ids=True)
    assert found.mean["RR@10"] == 0.5
    assert found.queries_without_results == 1


def test_measures_are_parsed_from_one_string_or_several():
    names = ["nDCG@10", "R@100", "RR@10"]
    assert [str(measure) for measure in parse_measures("nDCG@10 R@100, RR@10")] == names
    assert [str(measure) for measure in parse_measures(names)] == names


def test_a_measure_of_ones_own_stands_beside_others():
    ir_measures = pytest.importorskip("ir_measures")
    pytest.importorskip("pandas")
    found = ir_measures.define_byquery(lambda qrels, run: float(len(run)), name="Found")
    run = {"q1": {"a": 2.0, "b": 1.0, "c": 0.5}}
    qrels = {"q1": {"a": 1}, "q2": {"a": 1}}
    mean = evaluate(run, qrels, ["RR@10", found, found @ 2]).mean
    assert mean == {"RR@10": 0.5, "Found": 1.5, "Found@2": 1.0}


@pytest.mark.parametrize("name", ["nonsense", "nDCG@x", "P@", "nDCG@10@5", "(", "RBP"])
def test_unknown_measures_are_errors(name):
    with pytest.raises(InputError, match=name.replace("(", r"\(")):
        parse_measures([name])


@pytest.mark.parametrize("name", ["nDCG@0", "P@-1", "nDCG@10.5"])
def test_cutoffs_are_whole_numbers_from_1(name):
    with pytest.raises(InputError, match=name):
        evaluate({"q1": {"a": 1.0}}, {"q1": {"a": 1}}, name)


def test_any_query_ids_will_do():
    pytest.importorskip("ir_measures")
    found = evaluate({"a b": {"x": 1.0}}, {"a b": {"x": 1}, "é": {"y": 2}}, "ERR@10 RR@10")
    assert found.per_query["RR@10"] == {"a b": 1.0, "é": 0.0}
    assert found.per_query["ERR@10"]["a b"] > 0


def test_what_a_provider_refuses_is_an_error():
    with pytest.raises(InputError, match=r"cannot compute ERR@10 here"):
        evaluate({"q1": {"x y": 1.0}}, {"q1": {"x y": 1}}, "ERR@10")


def test_nothing_to_measure_is_an_error():
    with pytest.raises(InputError, match="no measures"):
        evaluate({}, {"q1": {"a": 1}}, "")
    with pytest.raises(InputError, match="no judgements"):
        evaluate({"q1": {"a": 1.0}}, {})
