"""Published results: the table, the verdicts, and a few of them measured."""

import pytest

from rarefy.errors import InputError, MissingExtraError
from rarefy.eval.reproductions import (
    PUBLISHED,
    Outcome,
    Reproduction,
    outcome_rows,
    reproduce,
    reproduction,
)
from rarefy.eval.reproductions.recipes import RECIPES


@pytest.fixture
def made():
    return Reproduction(
        "bm25-set", "bm25", "set", {"nDCG@10": 0.5, "R@100": 0.8}, "a paper", tolerance=0.01
    )


def test_the_table_is_whole():
    names = [row.name for row in PUBLISHED]
    assert len(set(names)) == len(names)
    for row in PUBLISHED:
        assert row.recipe in RECIPES
        assert row.source
        assert row.published
        assert 0 < row.tolerance <= 0.005
        assert all(0 < value < 1 and round(value, 4) == value for value in row.published.values())


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        ({"nDCG@10": 0.509, "R@100": 0.791}, "reproduced"),
        ({"nDCG@10": 0.511, "R@100": 0.8}, "differs"),
        ({"nDCG@10": 0.5, "R@100": 0.789}, "differs"),
    ],
)
def test_every_measure_must_be_near(made, ours, verdict):
    assert Outcome(made, ours).verdict == verdict


def test_rows_say_what_was_found(made):
    rows = outcome_rows([Outcome(made, {"nDCG@10": 0.491, "R@100": 0.8})])
    assert [row["measure"] for row in rows] == ["nDCG@10", "R@100"]
    assert rows[0]["difference"] == pytest.approx(-0.009)
    assert {row["verdict"] for row in rows} == {"reproduced"}
    (first, _) = outcome_rows([Outcome(made, {}, "no such collection")])
    assert (first["ours"], first["difference"]) == (None, None)
    assert (first["verdict"], first["note"]) == ("skipped", "no such collection")


def test_what_cannot_be_compared_is_measured_but_not_judged(made):
    row = Reproduction(made.name, "bm25", "set", made.published, "x", incomparable="other text")
    outcome = Outcome(row, {"nDCG@10": 0.1, "R@100": 0.1})
    assert outcome.verdict == "not comparable"
    assert outcome_rows([outcome])[0]["note"] == "other text"


def test_a_collection_is_measured(made, beir):
    folder = beir()
    outcome = reproduce(made, folder.parent)
    assert outcome.ours == pytest.approx({"nDCG@10": 0.8155, "R@100": 1.0}, abs=1e-4)
    assert outcome.verdict == "differs"


def test_what_is_not_there_is_skipped_with_the_reason(made, beir, tmp_path, monkeypatch):
    assert "no collection at" in reproduce(made, tmp_path / "none").reason

    def missing(collection, folder):
        raise MissingExtraError("it needs the package 'x': pip install 'rarefy[x]'", name="x")

    monkeypatch.setitem(RECIPES, "bm25", missing)
    outcome = reproduce(made, beir().parent)
    assert outcome.verdict == "skipped"
    assert "rarefy[x]" in outcome.reason


def test_names():
    assert reproduction("bm25-scifact", PUBLISHED).collection == "scifact"
    with pytest.raises(InputError, match="nothing to reproduce is called 'bm26'"):
        reproduction("bm26", PUBLISHED)


@pytest.mark.data
@pytest.mark.parametrize("name", ["bm25-nfcorpus", "splade-v3-nfcorpus", "bm25-cranfield"])
def test_published_values_are_reproduced(data, name):
    outcome = reproduce(reproduction(name, PUBLISHED), data)
    assert outcome.verdict == "reproduced", outcome.ours
