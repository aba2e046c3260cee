"""docs/evaluation.md is true: its code runs, and its figures are those of the code."""

import re
from pathlib import Path

import pytest

from rarefy.eval import efficiency, examples, significance
from rarefy.eval.breakdown import FEATURES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def text() -> str:
    return (DOCS / "evaluation.md").read_text(encoding="utf-8")


def test_its_python_runs(text, tmp_path, monkeypatch):
    for package in ("ir_measures", "pandas", "Stemmer"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    namespace: dict = {}
    for block in blocks:
        exec(block, namespace)
    names = [system["name"] for system in namespace["results"]["systems"]]
    assert names == ["bm25", "run:file=mine.trec"]


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


def test_its_links_lead_somewhere(text):
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert len(links) >= 4
    for link in links:
        assert (DOCS / link).exists(), link
