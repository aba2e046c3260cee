"""``rarefy plan``."""

from __future__ import annotations

import json

import pytest


def test_it_prints_a_plan(run):
    done = run("plan", "138e6", "--queries", 100)
    assert done.status == 0
    assert done.out.startswith("machines ")
    found = json.loads(run("plan", "138e6", "--queries", 100, "--json").out)
    assert f"{found['shards']:,} of" in done.out
    larger = json.loads(run("plan", "138e6", "--queries", 100, "--postings", 150, "--json").out)
    assert larger["memory_gib"] > 1.9 * found["memory_gib"]
    some = json.loads(run("plan", "138e6", "--queries", 100, "--recall", 0.95, "--json").out)
    assert some["core_seconds"] < found["core_seconds"] / 2
    assert "larger than any that was measured" in run("plan", "1e9", "--shard", "1e7").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["0"], "DOCUMENTS is 0.0; expected a whole number"),
        (["nan"], "DOCUMENTS is nan"),
        (["inf"], "DOCUMENTS is inf"),
        (["10", "--shard", "0.5"], "--shard is 0.5"),
        (["10", "--queries", "0"], "queries_per_second is 0.0; expected more than 0"),
        (["10", "--cores", "0"], "cores is 0; expected more than 0"),
        (["10", "--memory", "nan"], "memory_gib is nan; expected more than 0"),
        (["138e6", "--memory", "1"], "GiB, and a machine has 0.8 for shards: use smaller shards"),
        (["10", "--recall", "0.5"], "recall is 0.5; expected None or one that was measured"),
        (["10", "--postings", "0"], "postings is 0.0; expected more than 0"),
    ],
)
def test_what_cannot_be_planned_is_refused(refused, arguments, message):
    assert message in refused("plan", *arguments)
