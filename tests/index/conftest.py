"""Fixtures for the tests of the index."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rarefy.index.storage.container import Container, write_container
from rarefy.index.storage.files import Files
from rarefy.index.storage.manifest import Manifest, publish, read_newest, sweep

sys.path.insert(0, str(Path(__file__).parent))
"""Where faults, lives and proofs are, which benchmarks/durability.py imports too."""


@pytest.fixture(scope="session")
def faults():
    """The module of file systems that fail."""
    import faults

    return faults


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
