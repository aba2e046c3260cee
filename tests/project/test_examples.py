"""The examples run."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.models


def test_live_search(root, tmp_path):
    done = subprocess.run(
        [sys.executable, root / "examples" / "live_search.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TMPDIR": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.split("after it:\n")
    assert "The cat sat" in before and "A recipe" in before
    assert after.split()[0] == "cat" and "A cat flap" in after and "2024" in after
    assert after.splitlines()[-1] == "older ones: [None]"
    assert len((root / "examples" / "live_search.py").read_text().splitlines()) <= 30
