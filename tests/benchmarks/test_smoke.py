"""The benchmarks run: each on a toy, as a reader would start it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def smoke(name, out, *parts):
    pytest.importorskip("matplotlib")
    command = [sys.executable, f"benchmarks/{name}.py", *parts, "--smoke", "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=600)
    return json.loads(out.read_text(encoding="utf-8"))


@pytest.mark.jit
def test_exact(tmp_path):
    result = smoke("exact", tmp_path / "exact.json")
    names = [engine["name"] for engine in result["tables"][0]["engines"]]
    assert names == ["rarefy, exact", "scipy, CSC"]
    assert all(e["recall"] > 0.999 for table in result["tables"] for e in table["engines"])


@pytest.mark.jit
def test_engine(tmp_path):
    result = smoke("engine", tmp_path / "engine.json")
    recalls = {engine["name"]: engine["recall"] for engine in result["engines"]}
    assert recalls["rarefy, exact"] == recalls["scipy, CSC"] == 1
    assert [t["met"] for t in result["targets"] if t["target"] == "recall of exact"] == [True]
    assert [f["documents"] for f in result["filters"]] == [1, 1, 20, 200, 1000, 2000]
    shapes = {(s["queries"], s["k"]) for s in result["shapes"]}
    assert {("medium", 1000), ("longest", 10)} <= shapes
    assert "</svg>" in (tmp_path / "engine.svg").read_text(encoding="utf-8")


@pytest.mark.jit
def test_live(tmp_path):
    result = smoke("live", tmp_path / "live.json")
    assert list(result) == ["freshness", "ingest", "meanwhile", "segments", "opening"]
    (disk,) = [t for t in result["ingest"]["targets"] if t["target"].startswith("disk")]
    assert disk["met"]


@pytest.mark.jit
def test_durability(tmp_path):
    result = smoke("durability", tmp_path / "durability.json", "crashes", "machine", "copies")
    assert list(result) == ["crashes", "machine", "copies"]
    assert result["machine"]["counts"]["lives"] >= 10


@pytest.mark.jit
def test_serving(tmp_path):
    pytest.importorskip("fastapi")
    found = smoke("serving", tmp_path / "serving.json")["vectors"]
    for load in ("one_connection", "eight_connections", "at_1000_per_second"):
        assert found[load]["failed"] == 0
        assert found[load]["per_second"] > 0
    assert found["server_processor_ms_per_request"] > 0


@pytest.mark.jit
def test_soak(tmp_path):
    pytest.importorskip("fastapi")
    result = smoke("soak", tmp_path / "soak.json")
    assert result["writes"] > 0
    errors, lost, _ = result["targets"]
    assert errors["met"] and lost["met"]
    assert all(life["per_second"] > 0 for life in result["lives"])


@pytest.mark.models
def test_modes(tmp_path):
    pytest.importorskip("sentence_transformers")
    (measured,) = smoke("modes", tmp_path / "modes.json")["collections"]
    timed = measured["modes"]
    assert all(found["search_us"]["p50"] > 0 for found in timed.values())
    quality = {name: found["nDCG@10"] for name, found in timed.items() if "nDCG@10" in found}
    assert list(quality) == [
        "sparse",
        "sparse, in an index of its own",
        "bm25",
        "dense",
        "hybrid",
    ]
    assert quality["sparse"] == quality["sparse, in an index of its own"]
    assert all(0.5 < value <= 1 for value in quality.values())


@pytest.mark.models
def test_encoding(tmp_path):
    pytest.importorskip("cognition")
    result = smoke("encoding", tmp_path / "encoding.json")
    assert all(t["deviation"]["of_vector_norm"] < 1e-3 for t in result["tables"])


def test_missing_peer_is_said(tmp_path):
    code = (
        "import sys; sys.path.insert(0, 'benchmarks'); sys.modules['seismic'] = None\n"
        "from engines import open_peers\n"
        "assert open_peers(None, ['Seismic']) == []"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "pip install pyseismic-lsr" in done.stdout
