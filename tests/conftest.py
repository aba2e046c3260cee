"""Fixtures for all tests. Tests reach `tests/naive.py` through the `naive` fixture."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def module_at(path):
    """Import a file that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def naive():
    """The module of obviously right versions."""
    return module_at(ROOT / "tests" / "naive.py")


@pytest.fixture(scope="module")
def browser():
    """A real browser, see `tests/report/browser.py`."""
    module = module_at(ROOT / "tests" / "report" / "browser.py")
    if module.executable() is None:
        pytest.skip("no Chromium on this machine")
    started = module.Browser()
    yield started
    started.close()


@pytest.fixture(scope="session")
def data():
    """The folder of test collections: RAREFY_DATA, or shared/data beside the project."""
    folder = Path(os.environ.get("RAREFY_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test collections at {folder}: set RAREFY_DATA to their folder")
    return folder
