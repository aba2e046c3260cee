"""A saved index is read back as it was, or refused."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import scipy.sparse as sp

from rarefy.errors import DamagedIndexError, InputError
from rarefy.index import Index
from rarefy.index.storage.segment import MANIFEST

RNG = np.random.default_rng(0)
DOCUMENTS = sp.random_array((90, 40), density=0.2, rng=RNG, format="csr", dtype=np.float32)
QUERIES = sp.random_array((6, 40), density=0.3, rng=RNG, format="csr", dtype=np.float32)


@pytest.fixture
def folder(tmp_path):
    Index.build(DOCUMENTS, ids=[f"é{i}" for i in range(90)]).save(tmp_path / "index")
    return tmp_path / "index"


@pytest.mark.parametrize("verify", [True, False])
def test_what_was_saved_is_opened(folder, verify):
    index = Index.open(folder, verify=verify)
    expected = Index.build(DOCUMENTS, ids=[f"é{i}" for i in range(90)])
    ours, theirs = index.search(QUERIES, k=20), expected.search(QUERIES, k=20)
    assert (ours.ids == theirs.ids).all()
    assert (ours.scores == theirs.scores).all()
    assert (index.vocabulary_size, index.ids) == (40, expected.ids)
    assert index.explain(QUERIES[[0]], id="é3") == expected.explain(QUERIES[[0]], id="é3")


@pytest.mark.parametrize("shape", [(0, 0), (0, 7), (3, 7), (1, 0)])
def test_empty_indexes_round_trip(tmp_path, shape):
    Index.build(sp.csr_array(shape, dtype=np.float32)).save(tmp_path / "index")
    index = Index.open(tmp_path / "index")
    assert (len(index), index.vocabulary_size) == shape
    assert index.search(sp.csr_array((1, shape[1]), dtype=np.float32)).rows.max() == -1


def test_ids_with_anything_in_them_round_trip(tmp_path):
    ids = ["", "\n", "\0", "a\tb", "日本", "\ud800"]
    Index.build(sp.csr_array(np.ones((6, 1))), ids=ids).save(tmp_path / "index")
    assert Index.open(tmp_path / "index").ids == ids


def test_saving_replaces_an_index_and_leaves_nothing_else(folder):
    Index.build(DOCUMENTS[:5]).save(folder)
    assert len(Index.open(folder)) == 5
    assert [entry.name for entry in folder.parent.iterdir()] == ["index"]


def test_an_open_index_survives_its_replacement(folder):
    index = Index.open(folder)
    before = index.search(QUERIES)
    Index.build(DOCUMENTS[:5]).save(folder)
    assert (index.search(QUERIES).scores == before.scores).all()


def test_a_folder_of_other_things_is_not_overwritten(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="holds no index"):
        Index.build(DOCUMENTS).save(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        Index.build(DOCUMENTS).save(tmp_path / "thesis.tex")
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_failed_save_keeps_the_old_index(folder, monkeypatch):
    def no_space(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", no_space)
    with pytest.raises(OSError, match="No space"):
        Index.build(DOCUMENTS[:5]).save(folder)
    monkeypatch.undo()
    assert len(Index.open(folder)) == 90
    assert [entry.name for entry in folder.parent.iterdir()] == ["index"]


@pytest.mark.parametrize("path", ["nowhere", "."])
def test_a_folder_without_an_index_is_named(tmp_path, path):
    with pytest.raises(InputError, match="holds no index"):
        Index.open(tmp_path / path)


def test_a_newer_format_is_refused(folder):
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["format"] = 999
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="has format 999, this release reads 3: upgrade"):
        Index.open(folder)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"format": 1}', "\xff", '{"format": 1, "documents": -1}']
)
def test_a_broken_manifest_is_refused(folder, text):
    (folder / MANIFEST).write_text(text, encoding="latin-1")
    with pytest.raises(DamagedIndexError):
        Index.open(folder)


def test_a_missing_file_is_named(folder):
    (folder / "codes.npy").unlink()
    with pytest.raises(DamagedIndexError, match=r"codes\.npy is missing"):
        Index.open(folder)


def test_every_flipped_byte_is_noticed(folder):
    files = sorted(path for path in folder.iterdir() if path.name != MANIFEST)
    assert len(files) == 18
    for path in files:
        content = bytearray(path.read_bytes())
        for at in range(0, len(content), max(1, len(content) // 60)):
            content[at] ^= 0x5A
            path.write_bytes(content)
            with pytest.raises(DamagedIndexError):
                Index.verify(folder)
            content[at] ^= 0x5A
        path.write_bytes(content)
    Index.verify(folder)


def test_every_truncation_is_noticed_without_reading_all(folder):
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        for length in {0, 1, len(content) // 2, len(content) - 1}:
            path.write_bytes(content[:length])
            with pytest.raises(DamagedIndexError):
                Index.open(folder, verify=False)
        path.write_bytes(content)
    Index.verify(folder)


def forge(folder, name, change):
    """Change an array and its checksum alike, as no accident would."""
    import zlib

    path = folder / f"{name}.npy"
    array = np.load(path)
    array = change(array)
    np.save(path, array)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"][path.name] = {
        "bytes": os.path.getsize(path),
        "crc32": zlib.crc32(path.read_bytes()),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest))


def put(value, at=-1):
    def change(array):
        array = array.copy()
        array.flat[at] = value
        return array

    return change


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("terms", put(60_000), "a term is beyond the columns"),
        ("indptr", put(10**9, 3), "indptr is not increasing"),
        ("indptr", put(-5, 0), "indptr is not increasing"),
        ("dense_rows", put(1000), "dense_rows are beyond"),
        ("list_ptr", put(10**12), "list_ptr is not increasing"),
        ("columns", put(10**6), "beyond the vocabulary"),
        ("by_column", put(7, 3), "by_column does not order"),
        ("by_column", put(10**6, 3), "by_column does not order"),
        ("weights", put(np.nan), "a weight is not positive"),
        ("scales", put(-1.0), "scales are not positive"),
        ("id_ends", put(10**9), "id_ends are not increasing"),
        ("weights", lambda array: array[:-1], "weights is float32"),
        ("codes", lambda array: array.astype(np.int64), "codes is int64"),
        ("codes", lambda _: np.ones(3, np.uint8), "codes is uint8"),
    ],
)
def test_forged_arrays_are_refused(folder, name, change, message):
    forge(folder, name, change)
    with pytest.raises(DamagedIndexError, match=message):
        Index.open(folder)


def test_a_list_entry_beyond_the_last_block_is_refused(tmp_path):
    documents = sp.csr_array(sp.eye_array(200, format="csr", dtype=np.float32))
    Index.build(documents).save(tmp_path / "index")
    forge(tmp_path / "index", "list_blocks", put(60_000))
    with pytest.raises(DamagedIndexError, match="a list names a block beyond the last"):
        Index.open(tmp_path / "index")
