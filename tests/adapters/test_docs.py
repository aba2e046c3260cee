"""docs/adapters.md is true: its code runs."""

import os
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs" / "adapters.md"


@pytest.mark.models
def test_its_python_runs(tmp_path, monkeypatch):
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    for library in ("langchain_core", "haystack", "torch", "pyarrow"):
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    text = DOCS.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 4
    namespace = {"__name__": "docs"}
    for block in blocks:
        exec(compile(block, str(DOCS), "exec"), namespace)
