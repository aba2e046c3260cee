"""Compiled kernels follow their sources."""

from __future__ import annotations

import hashlib
from importlib import import_module
from pathlib import Path

import pytest

CALLED = {
    "leaves": ["intrinsics"],
    "sums": ["impacts", "intrinsics"],
    "candidates": ["heaps", "impacts", "intrinsics"],
    "lookup": ["heaps", "impacts"],
    "champions": ["candidates", "heaps", "impacts", "intrinsics"],
    "kernels": [
        "candidates", "champions", "heaps", "impacts", "intrinsics", "leaves", "lookup", "sums",
    ],
}  # fmt: skip
"""For each file the files of kernels that it calls, directly or not: in this order they can be
brought up to date."""


@pytest.mark.parametrize("caller", CALLED)
def test_an_edited_callee_changes_its_caller(caller):
    module = import_module(f"rarefy.index.{caller}")
    folder = Path(module.__file__).parent
    sources = [(folder / f"{name}.py").read_bytes() for name in CALLED[caller]]
    digest = hashlib.sha256(b"".join(sources)).hexdigest()[:12]
    assert digest == module.CALLEES, f'write CALLEES = "{digest}" in index/{caller}.py'
