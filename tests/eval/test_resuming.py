"""A run that is killed goes on where it was, and ends with the same results."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest

import rarefy
from rarefy.eval import bench
from rarefy.eval.checkpoint import Checkpoint
from rarefy.eval.systems import Ranked

for package in ("ir_measures", "jinja2", "matplotlib"):
    pytest.importorskip(package)

SYSTEMS = "bm25,bm25:documents=2,bm25:queries=1,bm25+bm25:documents=2,minmax=bm25+bm25:queries=1"
TIMES = ("search_us", "queries_per_s", "cold_start_ms", "build_s")
TIMES += ("encode_docs_per_s", "encode_queries_per_s", "dominated")

PROGRAM = """
import os, signal, sys
from rarefy.eval.checkpoint import Checkpoint
import rarefy.eval.benchmark as benchmark, rarefy.cli

point, place = sys.argv[1], int(sys.argv[2])
calls = {"measure": 0, "write": 0, "saved": 0}
def die_at(what, wrapped, after=False):
    def call(*args):
        calls[what] += 1
        dead = what == point and calls[what] == place
        if dead and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = wrapped(*args)
        if dead:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call
benchmark._measured = die_at("measure", benchmark._measured)
Checkpoint.save = die_at("saved", Checkpoint.save, after=True)
replace = os.replace
dying = die_at("write", replace)
os.replace = lambda old, new: (dying if "unfinished" in str(new) else replace)(old, new)
sys.argv = ["rarefy", *sys.argv[3:]]
try:
    rarefy.cli.main()
finally:
    print("measured", calls["measure"])
"""


def run(collection, out, point="none", place=0):
    arguments = f"{point} {place} bench {collection} --systems {SYSTEMS} --out {out}".split()
    return subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def without_times(folder):
    results = json.loads((folder / "results.json").read_text())
    del results["environment"]["date"]
    for row in results["systems"]:
        for key in TIMES:
            row.pop(key, None)
    return results


def test_three_kills_change_nothing_but_times(beir, tmp_path):
    collection = beir(
        corpus=[
            {"_id": f"d{row}", "text": f"{'cat ' * (row % 3)}dog{row % 5} fish mat{row}"}
            for row in range(40)
        ],
        queries=[{"_id": "q1", "text": "cat fish"}, {"_id": "q2", "text": "dog1 mat7"}],
        test="q1\td1\t1\nq1\td4\t2\nq2\td7\t1\n",
    )
    whole = run(collection, tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    assert "measured 5" in whole.stdout
    assert not (tmp_path / "whole" / "unfinished").exists()

    out = tmp_path / "killed"
    for point, place, finished in (("measure", 2, 1), ("write", 2, 2), ("saved", 2, 4)):
        killed = run(collection, out, point, place)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert len(list((out / "unfinished").glob("*.npz"))) == finished
        assert not (out / "results.json").exists()
    last = run(collection, out)
    assert last.returncode == 0, last.stderr
    assert "measured 1" in last.stdout, "the four that were finished are not measured again"
    assert without_times(out) == without_times(tmp_path / "whole")
    assert not (out / "unfinished").exists()
    assert "measured 5" in run(collection, out).stdout, "a run that ended starts anew"


def test_what_a_result_depends_on_is_in_its_key(tiny, tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "kept")
    first = bench(tiny, ["bm25"], measures="nDCG@10", checkpoint=checkpoint)
    assert len(list(checkpoint.folder.iterdir())) == 1
    bench(tiny, ["bm25"], measures="RR@10", checkpoint=checkpoint)
    bench(tiny, ["bm25"], measures="nDCG@10", checkpoint=checkpoint, ignore_identical_ids=True)
    assert len(list(checkpoint.folder.iterdir())) == 3
    monkeypatch.setattr("rarefy.eval.benchmark._measured", pytest.fail)
    again = bench(tiny, ["bm25"], measures="nDCG@10", checkpoint=checkpoint)
    assert again["systems"] == first["systems"]
    checkpoint.clear()
    assert not checkpoint.folder.exists()
    monkeypatch.setattr(rarefy, "__version__", "0.0.0")
    assert Checkpoint.key("a") != Checkpoint.key("b")


def test_a_damaged_file_counts_as_missing(tmp_path):
    checkpoint = Checkpoint(tmp_path)
    found = Ranked(np.array([[1, -1]]), np.array([[0.5, -np.inf]]))
    checkpoint.save("k", {"name": "é"}, found)
    row, kept = checkpoint.load("k")
    assert row == {"name": "é"}
    np.testing.assert_array_equal(kept.rows, found.rows)
    np.testing.assert_array_equal(kept.scores, found.scores)
    path = tmp_path / "k.npz"
    for damaged in (b"", path.read_bytes()[:100], b"PK\x03\x04nonsense"):
        path.write_bytes(damaged)
        assert checkpoint.load("k") is None
    assert checkpoint.load("other") is None
