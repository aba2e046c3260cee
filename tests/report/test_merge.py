import copy

import pytest

pytest.importorskip("fastjsonschema")

from rarefy.errors import InputError
from rarefy.eval.report import check_results, format_table, merge_results


@pytest.fixture
def other(results):
    """A second run, of other systems but for bm25, on another machine."""
    other = copy.deepcopy(results)
    other["systems"] = [s for s in other["systems"] if s["name"] in ("bm25", "dense:hnsw", "dense")]
    for system in other["systems"]:
        if system["name"] != "bm25":
            system["name"] = system["name"].replace("dense", "e5")
            system["exact"] = "e5" if system["exact"] else None
    for query in other["examples"]["queries"]:
        views = query["systems"]
        query["systems"] = {"bm25": views["bm25"], "e5": views["dense"]}
    other["environment"] = {**other["environment"], "cpu": "Another", "versions": {"numpy": "2.0"}}
    return other


def test_systems_stand_side_by_side_and_are_compared(results, other):
    merged = merge_results({"first": results, "second": other})
    check_results(merged)
    names = [system["name"] for system in merged["systems"]]
    assert names[0] == "bm25 (first)"
    assert names[-3:] == ["bm25 (second)", "e5", "e5:hnsw"]
    assert merged["systems"][-1]["exact"] == "e5"
    pairs = {(row["system"], row["baseline"]) for row in merged["comparisons"]}
    assert ("e5", "minilm-d2s") in pairs
    assert ("e5:hnsw", "e5") in pairs
    assert "e5" in format_table(merged)


def test_parts_follow_their_new_names(results, other):
    merged = merge_results({"first": results, "second": other})
    hybrid = next(s for s in merged["systems"] if s["name"] == "bm25+dense")
    assert hybrid["parts"] == ["bm25 (first)", "dense"]


def test_queries_show_the_systems_of_every_run(results, other):
    merged = merge_results({"first": results, "second": other})
    systems = merged["examples"]["queries"][0]["systems"]
    assert {"bm25 (first)", "bm25 (second)", "e5", "minilm-d2s"} <= systems.keys()


def test_the_environment_is_what_the_runs_share(results, other):
    merged = merge_results({"first": results, "second": other})
    assert merged["environment"]["cpu"] is None
    assert merged["environment"]["threads"] == 2
    assert merged["environment"]["versions"] == {"numpy": "2.0"}
    assert [run["label"] for run in merged["runs"]] == ["first", "second"]
    assert merged["runs"][1]["environment"]["cpu"] == "Another"
    assert merged["protocol"] == results["protocol"]
    other["protocol"] = {"rounds": 1}
    assert merge_results({"first": results, "second": other})["protocol"] == {}


@pytest.mark.parametrize("key", ["fingerprint", "split", "leave_out_own"])
def test_unlike_collections_are_refused(results, other, key):
    other["collection"][key] = "x"
    with pytest.raises(InputError, match=rf"second \(made-up\) and first.*differ.*{key}"):
        merge_results({"first": results, "second": other})


def test_unlike_ties_are_refused(results, other):
    results["ties"], other["ties"] = "engine", "trec_eval"
    with pytest.raises(InputError, match="equal scores by different rules"):
        merge_results({"first": results, "second": other})
    other["ties"] = "engine"
    assert merge_results({"first": results, "second": other})["ties"] == "engine"


def test_one_run_is_nothing_to_compare(results):
    with pytest.raises(InputError, match="1 results given; expected two or more"):
        merge_results({"first": results})
