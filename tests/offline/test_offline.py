"""A build on Ray gives the bytes that one process gives, whatever it is interrupted by.

Ray is of one process here; `tests/index/test_distributed.py` has the real one.
"""

import gzip
import json
import shutil
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse

import rarefy
from rarefy.errors import InputError, InputTypeError, UnavailableError
from rarefy.index import Index
from rarefy.index.distributed import DistributedIndex
from rarefy.index.storage.manifest import read_newest
from rarefy.offline import Built, build
from rarefy.offline import building as steps
from rarefy.offline.forms import lines
from rarefy.origin import Origin

pytestmark = pytest.mark.jit
FIELDS = ("year", "part", "tags")


@pytest.fixture
def one(records, texts, model):
    """The index that `Index.build` makes of the same documents."""
    columns = [{**record["metadata"], "part": record["part"]} for record in records]
    metadata = {name: [each[name] for each in columns] for name in FIELDS}
    vectors = rarefy.load(model).encode_documents(texts)
    return Index.build(vectors, [record["_id"] for record in records], metadata=metadata)


def only_segment(folder):
    (entry,) = read_newest(folder).segments
    return (folder / entry.file.name).read_bytes()


def assert_same(ours, one, queries):
    for a, b in zip(ours.search(queries, 20), one.search(queries, 20), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("size", [7, 100, 101, 1000])
def test_it_is_the_index_that_one_process_builds(corpus, model, one, tmp_path, size):
    built = build(corpus, tmp_path / "out", model=model, fields=FIELDS, slice_documents=size)
    assert built == Built(300, 1, 0)
    one.save(tmp_path / "one")
    assert only_segment(tmp_path / "out") == only_segment(tmp_path / "one")
    Index.verify(tmp_path / "out")
    assert not (tmp_path / "out.building").exists()
    encoder = Origin.open(tmp_path / "out").load()
    assert rarefy.Search(tmp_path / "out").search("waa wab", 3)
    assert encoder.vocabulary_size == one.vocabulary_size


def test_several_segments_are_searched_as_one(corpus, model, one, texts, tmp_path):
    settings = {"model": model, "fields": FIELDS, "slice_documents": 40}
    assert build(corpus, tmp_path / "out", segment_documents=70, **settings) == Built(300, 5, 0)
    manifest = read_newest(tmp_path / "out")
    assert [entry.documents for entry in manifest.segments] == [60] * 5
    ours = Index.open(tmp_path / "out")
    assert ours.ids == one.ids
    assert ours.metadata(ours.ids) == one.metadata(one.ids)
    assert_same(ours, one, rarefy.load(model).encode_queries(texts[:30]))


def test_shards_are_those_of_one_index(corpus, model, one, texts, tmp_path):
    settings = {"model": model, "fields": FIELDS, "slice_documents": 40}
    assert build(corpus, tmp_path / "out", shards=4, **settings) == Built(300, 4, 0)
    queries = rarefy.load(model).encode_queries(texts[:30])
    with DistributedIndex(tmp_path / "out") as ours:
        assert ours.ids == one.ids and ours.fields == one.fields
        assert_same(ours, one, queries)
        ours.verify()
    assert Origin.open(tmp_path / "out").load().vocabulary_size == one.vocabulary_size


def test_shards_at_a_url(corpus, model, tmp_path):
    url = f"file://{tmp_path}/remote/out"
    with pytest.raises(InputError, match="name a folder for the work"):
        build(corpus, url, model=model, shards=2)
    with pytest.raises(InputError, match="expected a folder"):
        build(corpus, url, model=model)
    build(corpus, url, model=model, shards=2, work=tmp_path)
    with DistributedIndex(url) as ours:
        assert len(ours) == 300


@pytest.mark.parametrize("form", ["gz", "parquet", "parquets"])
def test_other_forms_have_the_same_index(corpus, records, model, one, tmp_path, form):
    source = tmp_path / "other"
    source.mkdir()
    if form == "gz":
        (source / "corpus.jsonl.gz").write_bytes(gzip.compress(corpus.read_bytes()))
    else:
        pa = pytest.importorskip("pyarrow")
        from pyarrow.parquet import write_table

        rows = [{**record, "part": float(record["part"])} for record in records]
        cuts = (0, 300) if form == "parquet" else (0, 120, 300)
        for first, last in pairwise(cuts):
            table = pa.Table.from_pylist(rows[first:last])
            write_table(table, source / f"{first:03}.parquet", row_group_size=90)
    if form == "parquet":
        source = source / "000.parquet"
    build(source, tmp_path / "out", model=model, fields=FIELDS, slice_documents=50)
    one.save(tmp_path / "one")
    assert only_segment(tmp_path / "out") == only_segment(tmp_path / "one")


def test_vectors_bring_their_terms_and_their_model(corpus, model, records, texts, tmp_path):
    from rarefy.eval import write_vectors

    encoder = rarefy.load(model)
    matrix = encoder.encode_documents(texts)
    ids = [record["_id"] for record in records]
    for first, last in ((0, 130), (130, 300)):
        folder = tmp_path / "vectors" / f"{first:03}"
        folder.mkdir(parents=True)
        write_vectors(folder, ids[first:last], matrix[first:last], terms=encoder.vocabulary.terms)
        Origin.of(encoder, str(model), folder).save(folder)
    build(tmp_path / "vectors", tmp_path / "out")
    Index.build(matrix, ids).save(tmp_path / "one")
    assert only_segment(tmp_path / "out") == only_segment(tmp_path / "one")
    assert Origin.open(tmp_path / "out").load().fingerprint == encoder.fingerprint
    with pytest.raises(InputError, match="vectors have none"):
        build(tmp_path / "vectors", tmp_path / "more", fields=["year"])
    (folder / "terms.json").write_text(json.dumps([*encoder.vocabulary.terms[:-1], "other"]))
    with pytest.raises(InputError, match="other terms"):
        build(tmp_path / "vectors", tmp_path / "more")


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("shards", [None, 3])
def test_it_goes_on_wherever_it_was_interrupted(
    corpus, model, tmp_path, monkeypatch, bytes_of, shards
):
    settings = {"model": model, "fields": FIELDS, "slice_documents": 50, "shards": shards}
    settings["segment_documents"] = 150
    build(corpus, tmp_path / "whole", **settings)
    calls, left = [], 0
    kept = {name: getattr(steps, name) for name in ("encode", "lay_out", "planned", "_commit")}

    def limited(name):
        def call(*arguments):
            nonlocal left
            if not left:
                raise Interrupted(name)
            left -= 1
            calls.append(name)
            return kept[name](*arguments)

        call.__qualname__ = name
        return call

    for name in kept:
        monkeypatch.setattr(steps, name, limited(name))
    monkeypatch.setattr(steps, "shutil", SimpleNamespace(rmtree=(removal := Removal())))
    out, runs = tmp_path / "out", 0
    while True:
        runs, left = runs + 1, 1
        try:
            built = build(corpus, out, **settings)
        except Interrupted:
            continue
        break
    pieces = shards or 2
    assert calls == ["planned", *["encode"] * 7, *["lay_out"] * pieces, *["_commit"] * 2]
    assert runs == len(calls) and removal.calls == 2
    assert built == Built(300, pieces, 300)
    ours, whole = bytes_of(out), bytes_of(tmp_path / "whole")
    assert ours == whole


class Removal:
    """Fails once."""

    calls = 0

    def __call__(self, folder):
        self.calls += 1
        if self.calls == 1:
            raise Interrupted
        shutil.rmtree(folder)


def test_a_source_that_changes_is_refused(corpus, model, tmp_path, monkeypatch):
    out = tmp_path / "out"

    def changed(*_):
        corpus.write_text(corpus.read_text().replace("d7", "e7"))

    monkeypatch.setattr(steps, "_work", changed)
    with pytest.raises(InputError, match="changed while it was read"):
        build(corpus, out, model=model)


def test_another_build_is_not_gone_on_with(corpus, model, tmp_path, monkeypatch):
    def stop(*_):
        raise Interrupted

    monkeypatch.setattr(steps, "_work", stop)
    out = tmp_path / "out"
    with pytest.raises(Interrupted):
        build(corpus, out, model=model)
    with pytest.raises(InputError, match=r"shards is 2, the build began with None: .*building"):
        build(corpus, out, model=model, shards=2)
    before = corpus.read_bytes()
    corpus.write_bytes(before + b"\n")
    with pytest.raises(InputError, match=r"the file corpus\.jsonl of the source has changed"):
        build(corpus.parent, out, model=model)
    corpus.write_bytes(before)
    with pytest.raises(Interrupted):
        build(corpus, out, model=model)


def test_ids_that_occur_twice_are_named_with_both_places(corpus, model, records, tmp_path):
    again = json.dumps({"_id": "d5", "text": "again"})
    with corpus.open("a") as file:
        file.write(f"\n{again}\n{again}\n")
    with pytest.raises(InputError, match=r"'d5' occurs twice, in .*jsonl:6 and in .*jsonl:302;"):
        build(corpus, tmp_path / "out", model=model, slice_documents=50)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"corpus\.jsonl:302: broken JSON"),
        ("[1]", r"corpus\.jsonl:302: found a JSON list"),
        ('{"_id": 7, "text": "seven"}', r"corpus\.jsonl:302: _id \(or id\) is 7"),
        ('{"_id": "seven", "text": null}', r"corpus\.jsonl:302: .* text None"),
    ],
)
def test_broken_lines_are_named_before_anything_is_encoded(corpus, model, tmp_path, line, message):
    with corpus.open("a") as file:
        file.write(f"\n{line}")
    with pytest.raises(InputError, match=message):
        build(corpus, tmp_path / "out", model=model, slice_documents=50)


def test_fields_have_one_type(corpus, model, tmp_path):
    with corpus.open("a") as file:
        file.write('\n{"_id": "x", "text": "x", "year": "then"}')
    settings = {"model": model, "slice_documents": 301}
    with pytest.raises(InputTypeError, match=r"'year' is int in .*jsonl:1 and .* str in .*:302"):
        build(corpus, tmp_path / "out", fields=["year"], **settings)
    with pytest.raises(InputError, match="'month' has no value"):
        build(corpus, tmp_path / "out", fields=["month"], **settings)


def test_what_cannot_be_built_is_refused(corpus, model, tmp_path):
    build(corpus, tmp_path / "out", model=model)
    with pytest.raises(InputError, match="holds an index"):
        build(corpus, tmp_path / "out", model=model)
    with pytest.raises(InputError, match="is no source"):
        build(tmp_path, tmp_path / "new", model=model)
    with pytest.raises(InputError, match="shards is 301, and there are 300"):
        build(corpus, tmp_path / "new", model=model, shards=301)
    with pytest.raises(InputError, match="workers"):
        build(corpus, tmp_path / "new", model=model, workers=0)
    (tmp_path / "busy.building").mkdir()
    with pytest.raises(InputError, match="not of a build"):
        build(corpus, tmp_path / "busy", model=model)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").touch()
    for shards in (None, 2):
        with pytest.raises(InputError, match="name a new folder"):
            build(corpus, tmp_path / "notes", model=model, shards=shards)
    corpus.write_text("\n\n")
    with pytest.raises(InputError, match="no documents"):
        build(corpus, tmp_path / "empty", model=model)


def test_a_model_is_fitted_to_a_sample(corpus, texts, tmp_path):
    with pytest.raises(InputError, match="not all documents"):
        build(corpus, tmp_path / "out", model="bm25", fit_documents=299)
    assert not (tmp_path / "out.building").exists()
    build(corpus, tmp_path / "out", model="bm25")
    fitted = rarefy.BM25().fit(texts)
    assert Origin.open(tmp_path / "out").load().fingerprint == fitted.fingerprint


def test_tasks_wait_for_workers(ray):
    from rarefy.offline.flow import Workers

    asked = []

    def arguments():
        for number in range(20):
            asked.append(number)
            yield (number,)

    ray.nodes = lambda: [
        {"Alive": True, "Resources": {"CPU": 4.0, "GPU": 1.0}},
        {"Alive": True, "Resources": {"CPU": 3.0}},
        {"Alive": False, "Resources": {"CPU": 100.0, "GPU": 100.0}},
    ]
    for workers, ahead in (
        (Workers(3, 1, 0.0), 3),
        (Workers(None, 1, 0.0), 7),
        (Workers(None, 2, 0.0), 3),
        (Workers(None, 1, 0.5), 2),
        (Workers(None, 8, 0.0), 1),
    ):
        asked.clear()
        results = workers.run(abs, arguments(), "test")
        next(results)
        assert len(asked) == ahead + 1
        assert len(dict(results)) == 19


def test_a_task_that_is_lost_again_and_again_is_an_error(ray, corpus, model, tmp_path, monkeypatch):
    def lost(reference):
        raise ray.exceptions.WorkerCrashedError

    monkeypatch.setattr(ray, "get", lost)
    with pytest.raises(UnavailableError, match=r"task 0 was lost 4 times.*run the same command"):
        build(corpus, tmp_path / "out", model=model)


@pytest.mark.models
def test_encodings_are_those_of_each_slice(corpus, texts, tmp_path):
    pytest.importorskip("cognition")
    build(corpus, tmp_path / "out", model="splade-tiny", slice_documents=61)  # 60, 1 line is blank
    encoder = rarefy.load("splade-tiny", cache=False)
    ends = [0, 61, *range(121, 300, 61), 300]
    parts = [encoder.encode_documents(texts[a:b]) for a, b in pairwise(ends)]
    vectors = scipy.sparse.vstack(parts, format="csr")
    Index.build(vectors, [f"d{row}" for row in range(300)]).save(tmp_path / "one")
    assert only_segment(tmp_path / "out") == only_segment(tmp_path / "one")


@pytest.mark.parametrize("newline", ["", "\n"])
def test_slices_are_all_lines_once(tmp_path, monkeypatch, newline):
    monkeypatch.setattr(lines, "BLOCK", 11)
    path = tmp_path / "corpus.jsonl"
    for n in range(1, 30):
        records = [json.dumps({"_id": str(i), "text": "x" * (i % 5)}) for i in range(n)]
        path.write_text("\n".join(records) + newline)
        for size in (1, 2, 3, 7, 40):
            batches = [lines.read(piece, ()) for piece in lines.slices(path, size)]
            assert [id for each in batches for id in each.ids] == [str(i) for i in range(n)]
            numbers = [number for each in batches for number in each.numbers]
            assert numbers == list(range(1, n + 1))
            assert {len(each) for each in batches[:-1]} <= {size}
