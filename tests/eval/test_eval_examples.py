from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array

from rarefy.eval.examples import choose_queries, show_queries
from rarefy.eval.systems.system import SparseVectors

TERMS = ["cat", "mat", "dog", "matrix", "inversion"]
DOCUMENTS = [[3, 1, 0, 0, 0], [1, 0, 2, 0, 0], [0, 0, 0, 2, 1], [0, 0, 0, 1, 0]]
QUERIES = [[2, 0.5, 0, 0, 0], [0, 0, 0, 1, 1], [0, 0, 1, 0, 0]]


@pytest.fixture
def shown(tiny):
    def explain(row, k):
        heaviest = np.argsort(-row.data, kind="stable")[:k]
        return [(TERMS[row.indices[place]], float(row.data[place])) for place in heaviest]

    documents, queries = (csr_array(np.array(m, np.float32)) for m in (DOCUMENTS, QUERIES))
    systems = [
        SimpleNamespace(name="sparse", vectors=SparseVectors(documents, queries, explain)),
        SimpleNamespace(name="dense", vectors=None),
    ]
    runs = {
        "sparse": {"q1": {"d1": 6.5, "d2": 2.0}, "q2": {"d3": 3.0, "d4": 1.0}},
        "dense": {"q1": {"d4": 0.1, "d1": 0.9}, "q2": {}},
    }
    return show_queries(["q2", "q1"], tiny, systems, runs)


def test_queries_are_shown_in_the_order_given_with_what_is_relevant(shown):
    assert [query["query_id"] for query in shown["queries"]] == ["q2", "q1"]
    assert shown["queries"][1]["query"] == "cat"
    assert shown["queries"][1]["relevant"] == [["d1", 2], ["d2", 1]]


def test_each_system_shows_its_hits_with_grades(shown):
    views = shown["queries"][1]["systems"]
    dense = views["dense"]["hits"]
    assert [(hit["id"], hit["score"], hit["grade"]) for hit in dense] == [
        ("d1", 0.9, 2),
        ("d4", 0.1, None),
    ]
    assert "terms" not in views["dense"]
    assert "matched" not in dense[0]
    assert shown["queries"][0]["systems"]["dense"]["hits"] == []


def test_matched_terms_sum_to_the_score_of_a_sparse_system(shown):
    for query in shown["queries"]:
        for hit in query["systems"]["sparse"]["hits"]:
            assert sum(weight for _, weight in hit["matched"]) == hit["score"]
    first = shown["queries"][1]["systems"]["sparse"]
    assert first["terms"] == [["cat", 2.0], ["mat", 0.5]]
    assert first["hits"][0]["matched"] == [["cat", 6.0], ["mat", 0.5]]


def test_texts_are_kept_once_and_cut(shown, tiny):
    assert shown["documents"].keys() == {"d1", "d2", "d3", "d4"}
    assert shown["documents"]["d1"] == tiny.documents[0]
    tiny.documents[2] = "matrix " * 100
    runs = {"x": {"q2": {"d3": 1.0}}}
    systems = [SimpleNamespace(name="x", vectors=None)]
    texts = show_queries(["q2"], tiny, systems, runs)["documents"]
    assert len(texts["d3"]) == 300


def test_the_queries_that_systems_differ_about_most_come_first():
    a = {"q1": 0.9, "q2": 0.5, "q3": 0.1, "q4": 0.5}
    b = {"q1": 0.8, "q2": 0.5, "q3": 0.9, "q4": 0.5}
    c = {"q1": 0.9, "q2": 0.5, "q3": 0.9, "q4": 0.0}
    assert choose_queries({"a": a, "b": b, "c": c}) == ["q3", "q4", "q1", "q2"]
    assert choose_queries({"a": a, "b": b, "c": c}, count=2) == ["q3", "q4"]


def test_of_one_system_the_failures_come_first():
    assert choose_queries({"a": {"x": 0.5, "y": 0.0, "z": 1.0}}) == ["y", "x", "z"]
