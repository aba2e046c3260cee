"""Compiled kernels follow their sources."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rarefy.index import kernels


def test_an_edited_callee_changes_its_caller():
    folder = Path(kernels.__file__).parent
    names = ["candidates.py", "heaps.py", "impacts.py", "intrinsics.py", "lookup.py", "sums.py"]
    digest = hashlib.sha256(b"".join((folder / name).read_bytes() for name in names)).hexdigest()
    assert digest[:12] == kernels.CALLEES, f'write CALLEES = "{digest[:12]}" in index/kernels.py'
