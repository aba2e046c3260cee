import pytest

from rarefy.errors import InputError
from rarefy.eval.report.breakdowns import breakdowns
from rarefy.eval.report.differences import (
    beaten,
    differences,
    letters,
    pairs,
    query_differences,
)


def test_pairs_are_sparse_against_baselines_hybrids_against_parts_and_approximations(results):
    assert list(pairs(results)) == [
        ("splade-tiny", "bm25"),
        ("splade-tiny", "dense"),
        ("minilm-d2s", "bm25"),
        ("minilm-d2s", "dense"),
        ("bm25+dense", "bm25"),
        ("bm25+dense", "dense"),
        ("bm25+minilm-d2s", "bm25"),
        ("bm25+minilm-d2s", "minilm-d2s"),
        ("dense:hnsw", "dense"),
    ]


def test_approximations_come_last(results):
    results["systems"].insert(0, results["systems"].pop())
    assert list(pairs(results))[-1] == ("dense:hnsw", "dense")


def test_all_pairs_are_of_interest_where_none_is_special(results):
    results["systems"] = results["systems"][:2]
    assert list(pairs(results)) == [
        (row["system"], row["baseline"]) for row in results["comparisons"]
    ]


def test_differences_are_over_the_queries_of_both(results):
    results["systems"][0]["per_query"]["nDCG@10"] = {"a": 0.5, "b": 1.0, "c": 0.0}
    results["systems"][1]["per_query"]["nDCG@10"] = {"b": 0.25, "a": 0.75}
    assert query_differences(results, "bm25", "dense") == [-0.25, 0.75]


def test_a_system_that_is_not_in_the_run_is_refused(results):
    with pytest.raises(InputError, match=r"no system 'nope'.*bm25, dense"):
        query_differences(results, "bm25", "nope")


def test_a_comparison_is_turned_round_where_the_pair_is(results):
    results["systems"][0]["kind"] = "sparse"  # bm25, the baseline of the others so far
    results["systems"][2]["kind"] = "lexical"
    (known,) = (
        row
        for row in results["comparisons"]
        if (row["system"], row["baseline"]) == ("splade-tiny", "bm25")
    )
    (turned,) = (
        row
        for row in differences(results)
        if (row["system"], row["baseline"]) == ("bm25", "splade-tiny")
    )
    assert turned["difference"] == -known["difference"]
    assert turned["interval"] == [-known["interval"][1], -known["interval"][0]]
    assert (turned["wins"], turned["losses"]) == (known["losses"], known["wins"])
    assert turned["p_holm"] == known["p_holm"]


def test_only_significant_differences_count_as_beaten(results):
    row = {"measure": "R@100", "difference": 0.1, "p_holm": 0.05}
    results["comparisons"] = [
        {**row, "system": "dense", "baseline": "bm25"},
        {**row, "system": "splade-tiny", "baseline": "dense", "difference": -0.1},
        {**row, "system": "minilm-d2s", "baseline": "bm25", "p_holm": 0.0501},
        {**row, "system": "dense:hnsw", "baseline": "dense"},
    ]
    assert letters(results) == {
        "bm25": "a",
        "dense": "b",
        "splade-tiny": "c",
        "minilm-d2s": "d",
        "bm25+dense": "e",
        "bm25+minilm-d2s": "f",
    }
    found = {key: marks for key, marks in beaten(results).items() if marks}
    assert found == {("R@100", "dense"): "ac"}


def test_breakdowns_are_means_over_alike_queries(results):
    found = breakdowns(results)
    assert list(found) == ["length", "overlap", "frequency"]
    length = found["length"]
    values = results["systems"][0]["per_query"]["nDCG@10"]
    chosen = [values[key] for key in length.bins[0].query_ids]
    assert length.means["bm25"][0] == pytest.approx(sum(chosen) / len(chosen))
    assert "dense:hnsw" not in length.means
    assert sum(len(share.query_ids) for share in length.bins) == len(values)


def test_a_feature_that_does_not_vary_is_not_broken_down(results):
    results["query_features"] = {"length": dict.fromkeys(results["query_features"]["length"], 3.0)}
    assert breakdowns(results) == {}
    del results["query_features"]
    assert breakdowns(results) == {}
