"""Fixtures for the tests of the index."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
# There are faults, lives and proofs, which benchmarks/durability.py imports too.

from proofs.memory import memory_folder
from proofs.sweeping import swept_at_once

from rarefy.index.filters import NO_FILTER
from rarefy.index.storage.container import Container, write_container
from rarefy.index.storage.files import Files
from rarefy.index.storage.manifest import Manifest, publish, read_newest, sweep


@pytest.fixture(autouse=True, scope="session")
def no_waiting():
    """Let no file wait for copies of its folder."""
    with swept_at_once():
        yield


@pytest.fixture
def memory():
    """An empty folder in memory."""
    with memory_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def faults():
    """The module of file systems that fail."""
    import faults

    return faults


@pytest.fixture(scope="session")
def searched():
    """Searches the one leaf of a searcher by a plan."""

    def search(searcher, queries, k, plan, allowed=NO_FILTER):
        return searcher.search(queries, k, searcher.planned([plan]), allowed)

    return search


@pytest.fixture(scope="session")
def forge():
    """Changes an array of a saved index and all checksums alike, as no accident would."""

    def change_array(folder, name, change):
        newest = read_newest(folder)
        (entry,) = newest.segments
        container = Container(folder / entry.file.name)
        sections = container.sections | {name: change(container.sections[name])}
        path = folder / "segment-0123456789abcdef.rarefy"
        file = write_container(Files(), path, sections, container.attributes)
        forged = Manifest(2, newest.vocabulary_size, (entry._replace(file=file),))
        publish(Files(), folder, forged)
        sweep(Files(), folder, [forged])

    return change_array
