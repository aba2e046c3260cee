"""Growing a collection and measuring its scaling: each on a toy."""

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.jit


def test_scaling(on_a_toy, tmp_path):
    result = on_a_toy("scaling")
    assert [c["documents"] for c in result["collections"]] == [500, 1000, 2000]
    for collection in result["collections"]:
        assert {run["mode"] for run in collection["times"]} == set(result["models"])
        exact = [run for run in collection["times"] if run["mode"] == "exact"]
        assert all(run["recall"] == 1 for run in exact)
        assert collection["build_peak_over_csr"] >= 1
        cut = [run["nnz"] for run in exact if run["shape"].startswith("nnz=")]
        assert cut == sorted(cut)
        assert len(cut) > 1
    assert {p["documents"] for p in result["predictions"]} == {8_841_823, 138_364_198}
    assert [target["met"] for target in result["targets"]] == [None] * 3
    assert "</svg>" in (tmp_path / "scaling.svg").read_text(encoding="utf-8")


def test_synthetic_resembles_real(on_a_toy):
    statistics = on_a_toy("synthetic")["statistics"]
    real, synthetic = statistics["real"], statistics["synthetic"]
    assert synthetic["documents"] == real["documents"]
    assert synthetic["nnz"]["mean"] == pytest.approx(real["nnz"]["mean"], rel=0.2)
    assert synthetic["frequency"]["10"] == pytest.approx(real["frequency"]["10"], rel=0.2)
    assert synthetic["scores"]["10"] == pytest.approx(real["scores"]["10"], rel=0.2)


def test_a_smaller_collection_begins_a_larger(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from corpus import toy
    from synthetic import Recipe, grow

    documents = toy(300).documents
    small, large = grow(documents, 500), grow(documents, 900)
    assert abs(large[:500] - small).nnz == 0
    assert abs(small[:300] - documents).nnz > 0
    assert large.has_sorted_indices
    assert (large.data > 0).all()
    real, grown = documents.max(axis=0).toarray(), large.max(axis=0).toarray()
    assert (grown <= real * Recipe().headroom * (1 + 1e-6)).all()
    assert np.diff(large.indptr).min() > 0
    assert abs(grow(documents, 300, seed=2) - grow(documents, 300)).nnz > 0


def test_costs_are_recovered(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from costs import fit, predict

    rng = np.random.default_rng(0)
    collections = []
    for n in (1000, 10_000, 100_000):
        features, times = {}, []
        for shape in ("k=10", "nnz=5", "nnz=50"):
            part = rng.uniform(0.5, 1.5, 3)
            cells, postings, candidates = part * [n, n / 4, n**0.5]
            counts = {"cells": cells, "postings": postings, "candidates": candidates}
            us = 5 + (0.04 * cells + postings) / 1e3 + 0.2 * candidates
            features[shape] = counts
            times.append({"mode": "exact", "shape": shape, "search_us": {"mean": us}})
        collections.append({"documents": n, "features": features, "times": times})
    model = fit(collections, "exact")
    assert model["cells_ns"] == pytest.approx(0.04, rel=1e-3)
    assert model["postings_ns"] == pytest.approx(1, rel=1e-3)
    assert model["candidates_ns"] == pytest.approx(200, rel=1e-3)
    assert model["call_us"] == pytest.approx(5, rel=1e-3)
    assert model["largest_error"] < 1e-6
    same = predict(model, collections, "exact", 100_000)
    measured = collections[-1]["times"][0]["search_us"]["mean"]
    assert same["linear_us"] == same["power_us"] == measured
