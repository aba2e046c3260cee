"""Fixtures for the tests of the index."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from rarefy.index.filters import NO_FILTER
from rarefy.index.storage.container import Container, write_container
from rarefy.index.storage.files import Files
from rarefy.index.storage.manifest import Manifest, publish, read_newest, sweep


@pytest.fixture(scope="session")
def faults():
    """The module of file systems that fail."""
    path = Path(__file__).with_name("faults.py")
    spec = importlib.util.spec_from_file_location("faults", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
        manifest = read_newest(folder)
        (entry,) = manifest.segments
        container = Container(folder / entry.file.name)
        sections = container.sections | {name: change(container.sections[name])}
        path = folder / "segment-0123456789abcdef.rarefy"
        file = write_container(Files(), path, sections, container.attributes)
        forged = Manifest(2, manifest.vocabulary_size, (entry._replace(file=file),))
        publish(Files(), folder, forged)
        sweep(Files(), folder, [forged])

    return change_array
