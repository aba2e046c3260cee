"""What the tests of benchmarks share."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def on_a_toy(tmp_path):
    """Runs a benchmark on a toy, as a reader would start it, and returns what it wrote."""
    pytest.importorskip("matplotlib")

    def run(name):
        out = tmp_path / f"{name}.json"
        command = [sys.executable, f"benchmarks/{name}.py", "--smoke", "--out", str(out)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=600)
        return json.loads(out.read_text(encoding="utf-8"))

    return run
