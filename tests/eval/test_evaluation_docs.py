"""docs/evaluation.md is true: its figures are those of the code."""

from pathlib import Path

import pytest

from rarefy.eval import efficiency, examples, significance
from rarefy.eval.breakdown import FEATURES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def text() -> str:
    return (DOCS / "evaluation.md").read_text(encoding="utf-8")


def test_its_numbers_are_those_of_the_code(text):
    assert f"{significance._ROUNDS:,} random assignments" in text
    assert f"{significance._RESAMPLES:,} samples of the queries" in text
    assert f"The {examples._QUERIES} that the systems differ about most" in text
    words = " ".join(text.split())
    assert f"{efficiency._WARM_UP} queries of warm-up" in words
    assert f"at most {efficiency._QUERIES} queries" in words
    assert efficiency._ROUNDS == 3, "three rounds"


def test_every_feature_of_queries_is_described(text):
    for feature in FEATURES:
        assert f"| {feature} |" in text
