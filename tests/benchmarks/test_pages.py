"""The tables of the pages in docs/ are what the stored results give."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["durability", "losses", "minilm-d2s", "pooled-head", "serving"])
def test_tables_are_those_of_the_results(page, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from tables import filled

    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert "<!-- begin" in text
    assert filled(text) == text
