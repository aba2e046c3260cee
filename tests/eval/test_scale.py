"""The model of costs finds what was put in; plans add up."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import scipy.sparse

from rarefy.errors import InputError
from rarefy.eval.scale import Costs, Machine, Point, plan
from rarefy.eval.scale.costs import MEASURED, WORK, block_size
from rarefy.index import Index

COEFFICIENTS = [10.0, 0.1, 1e-4, 2e-5, 4e-5, 3e-4, 0.002, 0.1, 0.2]


def point(documents, shapes=9):
    """A shard whose work is proportional to its size, but for what is bounded and scored."""
    size = block_size(documents)
    made = {}
    for i in range(shapes):
        blocks = documents / size
        work = {
            "terms": 5 + 7 * (i % 4),
            "blocks": blocks * (i != 1),
            "compared": blocks * (1 + i % 3),
            "cells": blocks * (2.0 + 3 * i),
            "entries": documents * (0.1 + 0.05 * i * i) / size,
            "champions": 900.0 * i**1.5,
            "bounded": 40.0 * (size - 1) * (1 + i % 5),
            "scored": 10.0 ** (1 + i % 2),
        }
        counts = [1.0, *(work[name] for name in WORK)]
        mean = float(np.dot(counts, COEFFICIENTS))
        made[f"shape {i}"] = {"work": work, "mean_us": mean, "relative": [1.0, 1.0]}
    made["k=10"] = made["shape 0"]
    seconds = 0.5 + documents / 1e5 + 2 * (size == 4)
    bytes_ = 70 * documents * (9 + size)
    return Point(documents, "synthetic", size, 70 * documents, bytes_, seconds, made)


@pytest.fixture
def costs():
    return Costs([point(n) for n in (10_000, 100_000, 200_000, 400_000, 600_000, 1_000_000)])


def test_the_fit_finds_the_costs_that_made_the_times(costs):
    np.testing.assert_allclose(costs.coefficients, COEFFICIENTS, rtol=1e-6)
    for row in costs.left_out():
        for shape in row["shapes"].values():
            assert shape["counted_us"] == pytest.approx(shape["measured_us"])
            assert shape["drawn_us"] == pytest.approx(shape["measured_us"])
        assert row["bytes"][1] == pytest.approx(row["bytes"][0])
        assert row["build_s"][1] == pytest.approx(row["build_s"][0])


def test_blocks_are_those_of_an_index():
    documents = np_rows(3)
    built = Index.build(documents)
    assert built._snapshot.parts[0].segment.block_size == block_size(3) == 1
    assert [block_size(n) for n in (196_608, 196_609, 524_288, 524_289)] == [1, 2, 2, 4]


def np_rows(n):
    return scipy.sparse.csr_array(np.eye(n, dtype=np.float32))


@pytest.mark.parametrize("documents", [30_000, 196_608, 196_609, 500_000, 5_000_000])
def test_sizes_that_were_not_measured(costs, documents):
    expected = point(documents).shapes["k=10"]
    assert costs.work(documents) == pytest.approx(expected["work"])
    assert costs.microseconds(documents) == pytest.approx(expected["mean_us"])


def test_a_left_out_size_does_not_predict_itself():
    """A size that is off by twice is told by the others as it should be."""
    points = [point(n) for n in (10_000, 30_000, 100_000, 250_000, 300_000, 600_000, 1_000_000)]
    odd = points[2].shapes["k=10"]
    points[2].shapes["k=10"] = odd | {"mean_us": 2 * odd["mean_us"]}
    row = Costs(points).left_out()[2]["shapes"]["k=10"]
    assert row["counted_us"] == pytest.approx(row["measured_us"] / 2)


def test_one_size_is_not_enough():
    with pytest.raises(InputError, match="two sizes at least, got 1"):
        Costs([point(1000)])


def test_what_was_measured_here_is_predicted_by_the_other_sizes():
    """The promise of docs/scale.md: within a fifth at every size, of every kind of query."""
    rows = Costs.measured().left_out()
    assert len(rows) >= 12
    for row in rows:
        for name, shape in row["shapes"].items():
            assert shape["counted_us"] == pytest.approx(shape["measured_us"], rel=0.2)
            if "recall" not in name:
                assert shape["drawn_us"] == pytest.approx(shape["measured_us"], rel=0.2)
        assert row["bytes"][1] == pytest.approx(row["bytes"][0], rel=0.1)
        assert row["build_s"][1] == pytest.approx(row["build_s"][0], rel=0.21)


def test_a_plan_adds_up():
    largest = Costs.measured().points[-1]
    found = plan(20 * largest.documents, 50.0, replicas=3, machine=Machine(16, 4))
    assert (found.shards, found.shard_documents) == (20, largest.documents)
    assert (found.levels, found.replicas, found.beyond) == (1, 3, False)
    assert found.latency_us == pytest.approx(
        found.shard_us + found.messages_us + found.merge_us + found.network_us
    )
    assert found.core_seconds > 20 * found.shard_us / 1e6
    fitting = math.floor(16 * 0.8 / (found.memory_gib / 60))
    assert found.machines_for_memory == math.ceil(60 / fitting)
    assert found.machines_for_queries == math.ceil(50 * found.core_seconds / (4 * 0.5))
    assert found.machines == max(found.machines_for_memory, found.machines_for_queries)
    twice = plan(20 * largest.documents, 50.0, replicas=6, machine=Machine(16, 4))
    assert twice.memory_gib == pytest.approx(2 * found.memory_gib)
    assert twice.core_seconds == found.core_seconds


def test_no_shard_is_on_two_machines():
    """A machine that holds one and a half holds one."""
    one = plan(100 * 2**20, 1.0, shard_documents=2**20, replicas=1)
    memory = 1.5 * one.memory_gib / one.shards
    machine = Machine(memory, memory_used=1.0)
    found = plan(100 * 2**20, 1.0, shard_documents=2**20, replicas=1, machine=machine)
    assert found.machines_for_memory == found.shards == 100
    with pytest.raises(InputError, match="use smaller shards, or larger machines"):
        plan(100 * 2**20, 1.0, machine=machine)


def test_one_shard_asks_nobody():
    found = plan(1000, 1.0, replicas=1)
    assert (found.shards, found.levels, found.machines) == (1, 0, 1)
    assert found.latency_us == found.shard_us


def test_levels_keep_the_fan_out():
    for documents in (2e6, 7e7, 1e8, 3e9, 1e10):
        found = plan(int(documents), 1.0, fan_out=8)
        width = math.ceil(found.shards ** (1 / found.levels)) if found.levels else 1
        assert width <= 8
        assert width**found.levels >= found.shards


def test_approximate_search_takes_less_of_everything_but_memory():
    exact, some = plan(10**9, 1000.0), plan(10**9, 1000.0, recall=0.95)
    assert some.shard_us < exact.shard_us / 2
    assert some.machines_for_queries < exact.machines_for_queries
    assert some.memory_gib == exact.memory_gib
    with pytest.raises(InputError, match=r"recall is 0.9; expected None or .*: 0.95, 0.99"):
        plan(10**9, 1.0, recall=0.9)


def test_larger_shards_than_were_measured_are_named():
    assert plan(10**8, 1.0, shard_documents=10**7).beyond


@pytest.mark.parametrize(
    "wrong",
    [
        {"documents": 0},
        {"shard_documents": 0},
        {"queries_per_second": -1.0},
        {"replicas": 0},
        {"fan_out": 1},
    ],
)
def test_what_cannot_be_planned(wrong):
    with pytest.raises(InputError, match="expected more than 0"):
        plan(**({"documents": 10, "queries_per_second": 1.0} | wrong))


def test_the_measured_file_says_where_it_is_from():
    record = json.loads(MEASURED.read_text(encoding="utf-8"))
    assert {"cpu", "versions", "date"} <= record["environment"].keys()
