"""What commits have replaced is looked at now and then, not at each commit."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from rarefy.index.storage import manifest, sweeper
from rarefy.index.storage.files import Files
from rarefy.index.storage.manifest import Manifest, fresh_name, publish

KEPT = Manifest(1, 9, ())


@pytest.fixture
def folder(tmp_path):
    publish(Files(), tmp_path, KEPT)
    return tmp_path


def put_old(folder):
    path = folder / fresh_name("segment")
    path.write_text("")
    os.utime(path, (0, 0))
    return path


def test_it_waits_a_twentieth_of_the_time_that_a_copy_takes(folder, monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(sweeper, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(manifest, "COPY_SECONDS", 20.0)
    ours = sweeper.Sweeper(Files(), folder)
    first, spared = put_old(folder), put_old(folder)
    ours.sweep([KEPT], {spared.name})
    assert not first.exists()
    assert spared.exists()
    second = put_old(folder)
    clock.now = 100.9
    ours.sweep([KEPT])
    assert second.exists()
    clock.now = 101.0
    ours.sweep([KEPT])
    assert not second.exists()
    assert not spared.exists()


def test_where_nobody_copies_it_waits_for_nothing(folder, monkeypatch):
    monkeypatch.setattr(manifest, "COPY_SECONDS", 0.0)
    ours = sweeper.Sweeper(Files(), folder)
    for _ in range(3):
        lost = put_old(folder)
        ours.sweep([KEPT])
        assert not lost.exists()
