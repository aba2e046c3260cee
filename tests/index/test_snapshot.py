"""Several segments, some rows deleted, answer as one index of the living documents."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from unittest.mock import PropertyMock, patch

import numpy as np
import pytest
import scipy.sparse as sp

from rarefy.errors import DamagedIndexError, InputError
from rarefy.index import Index
from rarefy.index.planner import Calibration, Plan
from rarefy.index.snapshot import Snapshot
from rarefy.index.storage.deletions import write_alive
from rarefy.index.storage.files import Files
from rarefy.index.storage.manifest import Manifest, publish, sweep
from rarefy.index.storage.segment import write_segment

COLUMNS = 40


def vectors(seed, rows, density=0.2):
    """Few different weights, so that many scores tie."""
    rng = np.random.default_rng(seed)
    matrix = sp.random_array((rows, COLUMNS), density=density, rng=rng, format="csr")
    matrix.data = rng.integers(1, 4, matrix.nnz).astype(np.float32)
    return sp.csr_array(matrix.astype(np.float32))


def written(folder, index, alive=None):
    """Write an index in memory as one more segment."""
    entry = write_segment(Files(), folder, index._segment())
    if alive is None or alive.all():
        return entry
    file = write_alive(Files(), folder, alive)
    return entry._replace(deletions=file, deleted=int((~alive).sum()))


def commit(folder, *entries, generation=1):
    publish(Files(), folder, Manifest(generation, COLUMNS, entries))


QUERIES = vectors(99, 12, density=0.3)


@pytest.fixture(params=[0.0, 0.3, 1.0], ids=["whole", "some deleted", "one all deleted"])
def split(request, tmp_path):
    """An index of five segments, and one built of its living documents."""
    rng = np.random.default_rng(5)
    entries, rows, names, years = [], [], [], []
    for i, n in enumerate((50, 1, 300, 0, 40)):
        documents = vectors(i, n)
        ids = [f"{i}/{row}" for row in range(n)]
        metadata = {"year": list(range(n))} if n and i != 2 else None
        share = request.param if request.param < 1 or i == 2 else 0
        alive = rng.random(n) >= share
        built = Index.build(documents, ids=ids, metadata=metadata)
        entries.append(written(tmp_path, built, alive))
        rows.append(documents[np.flatnonzero(alive)])
        names += [name for name, kept in zip(ids, alive, strict=True) if kept]
        years += [row if metadata else None for row in np.flatnonzero(alive).tolist()]
    commit(tmp_path, *entries)
    whole = Index.build(
        sp.csr_array(sp.vstack(rows)), ids=names, metadata={"year": np.array(years, float)}
    )
    return Index.open(tmp_path), whole


def same(ours, theirs):
    return (
        (ours.ids == theirs.ids).all()
        and (ours.rows == theirs.rows).all()
        and (ours.scores == theirs.scores).all()
    )


@pytest.mark.parametrize("k", [1, 10, 1000])
@pytest.mark.parametrize("threads", [1, 2])
def test_results_are_those_of_one_index(split, k, threads):
    ours, theirs = split
    assert same(ours.search(QUERIES, k=k, threads=threads), theirs.search(QUERIES, k=k))
    assert same(ours.search(QUERIES, k=k, recall=0.9), theirs.search(QUERIES, k=k))


def test_filters_are_those_of_one_index(split):
    ours, theirs = split
    mask = np.random.default_rng(7).random(len(theirs)) < 0.4
    named = [name for name, kept in zip(theirs.ids, mask, strict=True) if kept]
    for given in (mask, named, "year < 20", "year is null", mask[:0] if not len(ours) else mask):
        assert same(ours.search(QUERIES, filter=given), theirs.search(QUERIES, filter=given))


def test_everything_else_is_that_of_one_index(split, tmp_path):
    ours, theirs = split
    assert len(ours) == len(theirs) and ours.ids == theirs.ids
    assert ours.vocabulary_size == COLUMNS
    assert f"of {len(theirs)} documents" in repr(ours)
    for name in theirs.ids[::17]:
        assert ours.row_of(name) == theirs.row_of(name)
        assert ours.explain(QUERIES[[0]], id=name) == theirs.explain(QUERIES[[0]], id=name)
        assert ours.metadata([name, None])[0]["year"] == theirs.metadata([name])[0]["year"]
    with pytest.raises(InputError, match="no document has the id"):
        ours.row_of("nothing")
    ours.save(tmp_path / "one")
    one = Index.open(tmp_path / "one")
    assert same(one.search(QUERIES, k=50), theirs.search(QUERIES, k=50))
    assert one.ids == theirs.ids and one.fields == ours.fields
    Index.verify(tmp_path)


def test_a_deleted_document_has_no_row(tmp_path):
    alive = np.array([True, False, True])
    commit(tmp_path, written(tmp_path, Index.build(vectors(0, 3), ids=list("abc")), alive))
    index = Index.open(tmp_path)
    assert index.ids == ["a", "c"] and index.row_of("c") == 1
    with pytest.raises(InputError, match="no document has the id 'b'"):
        index.search(QUERIES, filter=["b"])


def test_refresh_moves_to_the_newest_commit(tmp_path):
    first = written(tmp_path, Index.build(vectors(0, 5), ids=list("abcde")))
    commit(tmp_path, first)
    index = Index.open(tmp_path)
    segment = index._snapshot.parts[0].segment
    assert index.refresh() is False
    alive = np.array([True, True, False, True, True])
    deleted = first._replace(deletions=write_alive(Files(), tmp_path, alive), deleted=1)
    second = written(tmp_path, Index.build(vectors(1, 2), ids=list("fg")))
    commit(tmp_path, deleted, second, generation=2)
    assert len(index) == 5
    assert index.refresh() is True
    assert index.ids == list("abdefg")
    assert index._snapshot.parts[0].segment is segment  # not read again
    sweep(Files(), tmp_path, [Manifest(2, COLUMNS, (deleted, second))])
    assert index.refresh() is False
    with pytest.raises(InputError, match="in memory alone"):
        Index.build(vectors(0, 5)).refresh()


def test_deletions_leave_the_calibration_as_it_is(tmp_path, monkeypatch):
    fitted = [Calibration(10, 4, 0.9, Plan(0.5, 3))]
    entry = written(tmp_path, Index.build(vectors(0, 5)))
    commit(tmp_path, entry)
    index = Index.open(tmp_path)
    monkeypatch.setattr("rarefy.index.part.calibrate", lambda *_: fitted)
    index.calibrate(QUERIES)
    alive = np.arange(5) > 0
    deleted = entry._replace(deletions=write_alive(Files(), tmp_path, alive), deleted=1)
    commit(tmp_path, deleted, generation=2)
    assert index.refresh()
    assert index._snapshot.parts[0].table == fitted


def test_a_late_refresh_does_not_go_back(tmp_path, monkeypatch):
    """One thread finds a commit, another a newer one, and the first ends last."""
    from rarefy.index import index as module

    entries = [written(tmp_path, Index.build(vectors(i, 1), ids=[str(i)])) for i in range(3)]
    commit(tmp_path, entries[0])
    index = Index.open(tmp_path)
    late, found, go_on = [], threading.Event(), threading.Event()
    opening = Snapshot.open

    def slow(*arguments, **options):
        opened = opening(*arguments, **options)
        if threading.current_thread() in late:
            found.set()
            assert go_on.wait(60)
        return opened

    monkeypatch.setattr(module.Snapshot, "open", slow)
    commit(tmp_path, *entries[:2], generation=2)
    late.append(threading.Thread(target=index.refresh))
    late[0].start()
    assert found.wait(60)
    commit(tmp_path, *entries, generation=3)
    with ThreadPoolExecutor(1) as pool:
        newer = pool.submit(index.refresh)
        wait([newer], timeout=0.2)  # it ends only where refreshes do not wait for each other
        go_on.set()
        assert newer.result(60) is True
    late[0].join(60)
    assert index.ids == ["0", "1", "2"]


def test_what_is_saved_is_one_commit(tmp_path):
    """Though another thread may refresh at any moment."""
    commit(tmp_path, written(tmp_path, Index.build(vectors(0, 3), ids=list("abc"))))
    index = Index.open(tmp_path)
    before = index._snapshot
    alive = np.array([True, False, True])
    newer = written(tmp_path, Index.build(vectors(1, 3), ids=list("def")), alive)
    commit(tmp_path, newer, generation=2)
    after = Snapshot.open(tmp_path, verify=True)
    for looks in range(6):
        seen = PropertyMock(side_effect=[before] * looks + [after] * 9)
        with patch.object(Index, "_snapshot", seen, create=True):
            index.save(tmp_path / "saved")
        assert Index.open(tmp_path / "saved").ids == (list("abc") if looks else list("df"))


def test_what_goes_while_it_is_opened_is_looked_for_again(tmp_path, monkeypatch):
    """A writer may publish and sweep between a reader's look at the manifest and at its files."""
    from rarefy.index import snapshot

    old = written(tmp_path, Index.build(vectors(0, 5)))
    commit(tmp_path, old)
    new = written(tmp_path, Index.build(vectors(0, 7)))
    read = snapshot.read_segment

    def overtaken(*arguments, **options):
        if not (tmp_path / "manifest-2.json").exists():
            commit(tmp_path, new, generation=2)
            sweep(Files(), tmp_path, [Manifest(2, COLUMNS, (new,))])
        return read(*arguments, **options)

    monkeypatch.setattr(snapshot, "read_segment", overtaken)
    assert len(Index.open(tmp_path)) == 7
    (tmp_path / new.file.name).unlink()
    with pytest.raises(DamagedIndexError, match="it is missing"):
        Index.open(tmp_path)


def test_fields_that_a_part_lacks_are_missing_there():
    documents = sp.csr_array(np.ones((2, 1), np.float32))
    with_year = Index.build(documents, ids=["a", "b"], metadata={"year": [2020, 2021]})
    with_lang = Index.build(documents, ids=["c", "d"], metadata={"lang": ["en", "de"]})
    bare = Index.build(documents, ids=["e", "f"])
    parts = [each._snapshot.parts[0] for each in (with_year, bare, with_lang)]
    parts[2] = parts[2].with_alive(np.array([False, True]))
    index = Index(Snapshot(parts, 1))
    assert index.fields == {"year": "int", "lang": "str"}
    for text, expected in [
        ("year >= 2021", ["b"]),
        ("year is null", ["e", "f", "d"]),
        ("not lang == 'en'", ["d"]),
        ("year == 2020 or lang == 'de'", ["a", "d"]),
    ]:
        hits = index.search(documents[[0]], filter=text)
        assert [name for name in hits.ids[0] if name] == expected
    assert index.metadata(["d", "e"]) == [
        {"year": None, "lang": "de"},
        {"year": None, "lang": None},
    ]
