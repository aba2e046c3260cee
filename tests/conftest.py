"""Fixtures for all tests. Tests reach the modules beside this file through them."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


def module_of(path: Path) -> ModuleType:
    """Import a file of the tests, which are no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def naive():
    """The module of obviously right versions."""
    return module_of(ROOT / "tests" / "naive.py")


@pytest.fixture(scope="session")
def blocks():
    """The module that runs the blocks of a page of the documentation."""
    return module_of(ROOT / "tests" / "blocks.py")


@pytest.fixture(scope="session")
def desk():
    """The module of stand-ins for what readers of the documentation have."""
    return module_of(ROOT / "tests" / "desk.py")


@pytest.fixture(scope="module")
def browser():
    """A real browser, see `tests/report/browser.py`."""
    module = module_of(ROOT / "tests" / "report" / "browser.py")
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


@pytest.fixture(scope="session")
def notes():
    """Three short texts by id."""
    return {
        "cat": "The cat sat on the mat.",
        "matrix": "Matrix inversion: a matrix is inverted by elimination.",
        "bread": "A recipe for bread with three ingredients.",
    }


@pytest.fixture(scope="session")
def note_search(notes):
    """Open a `rarefy.Search` by BM25 in a folder; it holds the notes, with a year each."""

    def opened(folder, *, texts=True):
        import rarefy

        search = rarefy.Search(folder, rarefy.BM25("words").fit(notes.values()))
        if texts:
            search.add(list(notes.values()), {"year": [2019, 2021, 2024]}, ids=list(notes))
        return search

    return opened
