"""Indexes that earlier releases wrote are opened, or refused by name."""

from __future__ import annotations

import json
import shutil

import pytest
from formats import DATA, results

from rarefy.errors import InputError
from rarefy.index import Index, Writer
from rarefy.index.storage.container import FORMAT

READABLE = [FORMAT]


@pytest.mark.parametrize("version", READABLE)
@pytest.mark.parametrize("kind", ["compact", "large", "live"])
def test_a_saved_index_answers_as_it_did(tmp_path, version, kind):
    pytest.importorskip("pyarrow")
    folder = shutil.copytree(DATA / f"format-{version}" / kind, tmp_path / "index")
    expected = json.loads((DATA / f"format-{version}" / "results.json").read_text("utf-8"))[kind]
    Index.verify(folder)
    for verify in (True, False):
        found = results(Index.open(folder, verify=verify))
        assert json.loads(json.dumps(found, default=str)) == expected


def test_a_saved_index_can_be_written_to(tmp_path):
    pytest.importorskip("pyarrow")
    folder = shutil.copytree(DATA / f"format-{FORMAT}" / "live", tmp_path / "index")
    before = Index.open(folder).ids
    with Writer(folder) as writer:
        writer.delete(before[:1])
        writer.merge()
    Index.verify(folder)
    assert Index.open(folder).ids == before[1:]


def test_an_older_format_is_refused_by_name(tmp_path):
    folder = shutil.copytree(DATA / "format-3", tmp_path / "index")
    for call in (Index.open, Index.verify, Index.repair):
        with pytest.raises(InputError, match=r"index of format 3 or older.*build the index again"):
            call(folder)
    with pytest.raises(InputError, match="an index of format 3 or older: remove it, or name a new"):
        Writer(folder, vocabulary_size=9)


def test_every_format_has_a_saved_index():
    saved = {path.name for path in DATA.glob("format-*")}
    assert saved == {"format-3", *(f"format-{version}" for version in READABLE)}
    sizes = [path.stat().st_size for path in DATA.glob("format-*/**/*") if path.is_file()]
    assert sum(sizes) < 100_000
