"""Targets: bounds by size, words for what was measured, and a README that says the same."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def stored(name):
    path = RESULTS / f"{name}.json"
    if not path.exists():
        pytest.skip(f"{name} was not measured yet")
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["engine", "engine-1048576"])
def test_stored_targets_are_those_of_the_figures(name):
    from targets import targets

    result = stored(name)
    assert result["targets"] == targets(result, result["collection"]["documents"])


def test_stored_growth_is_that_of_the_figures():
    from targets import growth_targets

    result = stored("scaling")
    assert result["targets"] == growth_targets(result)


def test_the_readme_says_what_the_results_give():
    pytest.importorskip("matplotlib")
    command = [sys.executable, "benchmarks/tables.py", "--check", "README.md"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_bounds_depend_on_the_size():
    from targets import targets

    small, large = ({t["target"]: t for t in targets(None, n)} for n in (131_072, 1_048_576))
    assert small["exact / S(.90)"]["bound"] == "<= 0.6"
    assert large["exact / S(.97)"]["bound"] == "<= 0.8"
    assert "exact / S(.97)" not in small
    assert small["p99 / p50, exact"]["bound"] == "<= 2"
    assert large["p99 / p50, exact"]["bound"] == "<= 2.5"
    assert all(t["measured"] is None and t["met"] is None for t in [*small.values()])


def engine(name, recall, us):
    return {"name": name, "recall": recall, "search_us": {"mean": us}}


def scaled(documents, us, peers):
    return {
        "documents": documents,
        "build_peak_over_csr": 2.5,
        "times": [{"mode": "recall=0.95", "shape": "k=10", "search_us": {"mean": us}}],
        "peers": [engine("Seismic", recall, taken) for recall, taken in peers],
    }


def test_growth_is_compared_at_a_recall_that_seismic_reaches_at_both_sizes():
    from targets import growth_targets

    first = scaled(131_072, 50, [(0.97, 200), (0.91, 150)])
    last = scaled(4_194_304, 350, [(0.92, 1500), (0.8, 700)])
    growth, relative, memory = growth_targets({"collections": [first, last]})
    assert (growth["measured"], growth["met"]) == (7, False)
    assert (relative["measured"], relative["met"]) == (pytest.approx(0.7), True)
    assert memory["met"] is None
    assert growth_targets({"collections": [first]})[0]["met"] is None


def test_the_table_has_a_row_for_a_target_of_either_size():
    from targets import row, targets_table

    small = [row("one", "<=", 2, 1.0), row("two", ">=", 3, 1.0)]
    large = [row("two", ">=", 4, 5.0), row("three", "<=", 1, None)]
    lines = targets_table([("few", small), ("many", large)]).splitlines()[2:]
    assert lines == [
        "| one | <= 2 | 1 | met |  |  |  |",
        "| two | >= 3 | 1 | missed | >= 4 | 5 | met |",
        "| three |  |  |  | <= 1 |  | not run |",
    ]


def test_the_heaviest_terms_of_queries():
    from corpus import heaviest

    queries = sp.csr_array(np.array([[3.0, 1, 0, 2], [0, 0, 5, 0], [0, 0, 0, 0], [1, 1, 1, 1]]))
    expected = [[3, 0, 0, 2], [0, 0, 5, 0], [0, 0, 0, 0], [1, 1, 0, 0]]
    assert heaviest(queries, 2).toarray().tolist() == expected


@pytest.mark.jit
def test_filters_are_of_the_sizes_asked_for():
    from corpus import toy
    from engines import Rarefy
    from filters import SHARES, filtered

    collection = toy(1000, 5)
    figures = filtered(Rarefy(collection.documents), collection.queries["short"])
    assert [f["share"] for f in figures] == list(SHARES)
    assert [f["documents"] for f in figures] == [1, 1, 10, 100, 500, 1000]
    assert all(f["over_unfiltered"] > 0 for f in figures)
