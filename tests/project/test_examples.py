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
    assert sorted(line.split()[0] for line in before.splitlines()[1:]) == ["bread", "cat"]
    assert after.split(maxsplit=2) == ["cat", "2024", "A cat flap for the kitchen door.\n"]
