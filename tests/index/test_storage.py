"""A saved index is read back as it was, or refused."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp

from rarefy.errors import DamagedIndexError, InputError
from rarefy.index import Index
from rarefy.index.storage.files import Files
from rarefy.index.storage.folder import replace
from rarefy.index.storage.ids import Ids
from rarefy.index.storage.lock import FolderLock

RNG = np.random.default_rng(0)
DOCUMENTS = sp.random_array((90, 40), density=0.2, rng=RNG, format="csr", dtype=np.float32)
QUERIES = sp.random_array((6, 40), density=0.3, rng=RNG, format="csr", dtype=np.float32)


def small(rows=6, ids=None):
    return Index.build(DOCUMENTS[:rows, :5], ids=ids)


@pytest.fixture
def folder(tmp_path):
    Index.build(DOCUMENTS, ids=[f"é{i}" for i in range(90)]).save(tmp_path / "index")
    return tmp_path / "index"


def segment_path(folder):
    (path,) = folder.glob("segment-*")
    return path


@pytest.mark.parametrize("verify", [True, False])
def test_what_was_saved_is_opened(folder, verify):
    index = Index.open(folder, verify=verify)
    expected = Index.build(DOCUMENTS, ids=[f"é{i}" for i in range(90)])
    ours, theirs = index.search(QUERIES, k=20), expected.search(QUERIES, k=20)
    assert (ours.ids == theirs.ids).all()
    assert (ours.scores == theirs.scores).all()
    assert index.explain(QUERIES[[0]], id="é3") == expected.explain(QUERIES[[0]], id="é3")
    assert (index.vocabulary_size, index.ids) == (40, expected.ids)


@pytest.mark.parametrize("shape", [(0, 0), (0, 7), (3, 7), (1, 0)])
def test_empty_indexes_round_trip(tmp_path, shape):
    Index.build(sp.csr_array(shape, dtype=np.float32)).save(tmp_path / "index")
    index = Index.open(tmp_path / "index")
    assert (len(index), index.vocabulary_size) == shape
    assert index.search(sp.csr_array((1, shape[1]), dtype=np.float32)).rows.max() == -1
    Index.verify(tmp_path / "index")


def test_ids_with_anything_in_them_round_trip(tmp_path):
    ids = ["", "\n", "\0", "a\tb", "日本", "\ud800"]
    Index.build(sp.csr_array(np.ones((6, 1))), ids=ids).save(tmp_path / "index")
    index = Index.open(tmp_path / "index")
    assert [index.row_of(name) for name in ids] == [0, 1, 2, 3, 4, 5]
    assert index.ids == ids
    with pytest.raises(InputError, match="no document has the id 'b'"):
        index.row_of("b")


def test_an_opened_index_can_be_saved(folder, tmp_path):
    Index.open(folder).save(tmp_path / "copy")
    ours, theirs = Index.open(folder), Index.open(tmp_path / "copy")
    assert ours.ids == theirs.ids
    assert (ours.search(QUERIES).scores == theirs.search(QUERIES).scores).all()


def test_saving_replaces_an_index_and_keeps_what_others_wrote(folder):
    (folder / "terms.json").write_text("[]")
    Index.build(DOCUMENTS[:5]).save(folder)
    assert len(Index.open(folder)) == 5
    assert [entry.name for entry in folder.parent.iterdir()] == ["index"]
    names = {path.name.split("-")[0] for path in folder.iterdir()}
    assert names == {"manifest", "segment", "terms.json", "write.lock"}
    assert len(list(folder.iterdir())) == 4


def test_an_open_index_survives_its_replacement(folder):
    index = Index.open(folder)
    before = index.search(QUERIES)
    Index.build(DOCUMENTS[:5]).save(folder)
    assert (index.search(QUERIES).scores == before.scores).all()


def test_a_folder_of_other_things_is_not_overwritten(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="holds no index"):
        small().save(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        small().save(tmp_path / "thesis.tex")
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(InputError, match="format 3 or older"):
        small().save(tmp_path)


def test_one_writes_at_a_time(folder):
    with FolderLock(folder):
        with pytest.raises(InputError, match="by another writer"):
            small().save(folder)
        program = "import sys, pathlib; from rarefy.index.storage.lock import FolderLock\n"
        program += "FolderLock(pathlib.Path(sys.argv[1]))"
        done = subprocess.run([sys.executable, "-c", program, folder], capture_output=True)
        assert b"by another writer" in done.stderr
    small().save(folder)


def test_a_lock_ends_with_its_process(folder):
    program = "import os, sys, pathlib; from rarefy.index.storage.lock import FolderLock\n"
    program += "FolderLock(pathlib.Path(sys.argv[1])); os._exit(7)"
    assert subprocess.run([sys.executable, "-c", program, folder]).returncode == 7
    small().save(folder)


def test_a_lock_ends_while_a_forked_process_runs_on(folder):
    lock = FolderLock(folder)
    of_fork = os.dup(lock._file)
    lock.release()
    small().save(folder)
    os.close(of_fork)
    assert len(Index.open(folder)) == 6


def test_no_id_is_missing_where_another_thread_reads_all():
    stored = Ids.of(["a", "b"])
    ids = Ids(stored.blob, stored.ends)

    class Overtaken(np.ndarray):
        def __getitem__(self, rows):
            taken = np.asarray(self)[rows]
            ids._known = np.asarray(self)
            ids.names()
            return taken

    ids._known = ids._known.view(Overtaken)
    assert ids.take(np.array([1, 0, -1])).tolist() == ["b", "a", None]


@pytest.mark.parametrize("path", ["nowhere", "."])
def test_a_folder_without_an_index_is_named(tmp_path, path):
    with pytest.raises(InputError, match="holds no index"):
        Index.open(tmp_path / path)


def test_a_missing_file_is_named(folder):
    path = segment_path(folder)
    path.unlink()
    with pytest.raises(DamagedIndexError, match=f"{path.name}: it is missing"):
        Index.open(folder)


def test_every_flipped_byte_is_noticed(tmp_path):
    small().save(tmp_path / "index")
    for path in sorted((tmp_path / "index").iterdir()):
        content = bytearray(path.read_bytes())
        for at in range(len(content)):
            content[at] ^= 0xFF
            path.write_bytes(content)
            with pytest.raises(InputError):
                Index.verify(tmp_path / "index")
            content[at] ^= 0xFF
        path.write_bytes(content)
    Index.verify(tmp_path / "index")


def test_every_truncation_is_noticed_without_reading_all(tmp_path):
    small().save(tmp_path / "index")
    for path in sorted((tmp_path / "index").iterdir()):
        content = path.read_bytes()
        for length in range(len(content)):
            path.write_bytes(content[:length])
            with pytest.raises(DamagedIndexError):
                Index.open(tmp_path / "index", verify=False)
        path.write_bytes(content)
    Index.verify(tmp_path / "index")


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_at_any_operation_of_a_save_leaves_the_old_index_or_the_new(tmp_path, faults, seed):
    """With what was not synced lost or kept; and the save after it succeeds."""
    old, new = small(4, ids=list("abcd")), small(6)
    counting = faults.FaultyFiles()
    save(new, tmp_path / "counted", counting)
    for at in range(counting.count + 1):
        for exists in (False, True):
            folder = tmp_path / f"{at} {exists}" / "index"
            if exists:
                old.save(folder)
            files = faults.FaultyFiles(at)
            try:
                save(new, folder, files)
                done = True
            except faults.Killed:
                done = False
            files.lose_power(np.random.default_rng(seed))
            try:
                found = Index.open(folder).ids
                Index.verify(folder)
            except InputError as error:
                assert "holds no index" in str(error) and not exists and not done
            else:
                assert found == new.ids or (found == old.ids and exists and not done)
            new.save(folder)
            assert Index.open(folder).ids == new.ids
            assert len(list(folder.iterdir())) == 3


def test_an_error_at_any_operation_of_a_save_leaves_the_old_index_or_the_new(tmp_path, faults):
    old, new = small(4, ids=list("abcd")), small(6)
    counting = faults.FaultyFiles()
    old.save(tmp_path / "counted")
    save(new, tmp_path / "counted", counting)
    for error in faults.ERRORS:
        for at in range(counting.count):
            folder = tmp_path / f"{error} {at}" / "index"
            old.save(folder)
            try:
                save(new, folder, faults.FaultyFiles(at, error))
            except OSError as raised:
                assert raised.errno == error
                assert Index.open(folder).ids in (old.ids, new.ids)
            else:
                assert Index.open(folder).ids == new.ids
            new.save(folder)
            assert Index.open(folder).ids == new.ids
            assert len(list(folder.iterdir())) == 3


def save(index, folder, files):
    """As Index.save does, with other files."""
    replace(folder, index._segment(), files)


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
        ("id_rows", put(90), "id_rows are beyond"),
        ("weights", lambda array: array[:-1], "weights is float32"),
        ("codes", lambda array: array.astype(np.int64), "codes is int64"),
        ("codes", lambda _: np.ones(3, np.uint8), "codes is uint8"),
    ],
)
def test_forged_arrays_are_refused(folder, forge, name, change, message):
    forge(folder, name, change)
    with pytest.raises(DamagedIndexError, match=message):
        Index.open(folder)


def test_a_list_entry_beyond_the_last_block_is_refused(tmp_path, forge):
    documents = sp.csr_array(sp.eye_array(200, format="csr", dtype=np.float32))
    Index.build(documents).save(tmp_path / "index")
    forge(tmp_path / "index", "list_blocks", put(60_000))
    with pytest.raises(DamagedIndexError, match="a list names a block beyond the last"):
        Index.open(tmp_path / "index")


def test_the_name_of_a_folder_is_synced_whoever_made_it(tmp_path):
    synced = []

    class Seen(Files):
        def sync_folder(self, folder):
            synced.append(folder.resolve())
            super().sync_folder(folder)

    (tmp_path / "index").mkdir()  # by a process that ended before it could sync
    replace(tmp_path / "index", small()._segment(), Seen())
    assert synced[0] == tmp_path.resolve()
