"""rarefy.Search: texts in, hits out, and what is committed when."""

import asyncio
import json
import subprocess
import sys
import threading

import pytest

import rarefy
from rarefy.errors import InputError, InputTypeError, MissingExtraError
from rarefy.index import Index, Writer, tiers
from rarefy.index.replacement import Replacement

pytest.importorskip("pyarrow")


@pytest.fixture
def bm25(notes):
    return rarefy.BM25("words").fit(notes.values())


@pytest.fixture
def search(tmp_path, note_search):
    with note_search(tmp_path / "notes") as made:
        yield made


def ids(hits):
    return [hit.id for hit in hits]


def test_a_hit_has_text_metadata_reasons_and_highlights(notes, search):
    (hit,) = search.search("the matrix, inverted", k=1, explain=True)
    assert (hit.id, hit.text, hit.metadata) == ("matrix", notes["matrix"], {"year": 2021})
    assert [term for term, _ in hit.terms] == ["matrix", "inverted"]
    assert sum(share for _, share in hit.terms) == pytest.approx(hit.score)
    assert [hit.text[a:b] for a, b in hit.highlights] == ["Matrix", "matrix", "inverted"]
    (plain,) = search.search("matrix", k=1)
    assert plain.terms == plain.highlights == ()


def test_filters_and_fields_choose(search):
    assert ids(search.search("cat matrix", filter="year > 2019")) == ["matrix"]
    (hit,) = search.search("cat", fields=["year"])
    assert (hit.text, hit.metadata) == (None, {"year": 2019})
    (hit,) = search.search("cat", fields=[])
    assert (hit.text, hit.metadata) == (None, {})


def test_changes_are_there_when_the_call_returns_and_after_the_end(search, tmp_path):
    search.add(["A dog and a cat."], ids=["dog"])
    assert search.delete(["cat", "unknown"]) == 1
    assert ids(search.search("cat")) == ["dog"]
    reader = rarefy.Search(tmp_path / "notes")  # another one, while the writer is open
    assert ids(reader.search("cat")) == ["dog"]
    assert reader.search("cat")[0].metadata == {"year": None}
    search.add(["The dog alone."], ids=["dog"])
    assert ids(reader.search("cat")) == ["dog"]
    assert reader.refresh()
    assert not reader.refresh()
    assert reader.search("cat") == []
    with pytest.raises(InputError, match="another writer"):
        reader.delete(["dog"])


def test_changes_wait_for_a_commit_if_asked_to(search):
    search.add(["A second cat."], ids=["cat2"], commit=False)
    search.delete(["cat"], commit=False)
    assert ids(search.search("cat")) == ["cat"]
    search.rollback()
    search.add(["A third cat."], ids=["cat3"], commit=False)
    search.commit()
    assert sorted(ids(search.search("cat"))) == ["cat", "cat3"]


def test_leaving_the_block_commits_or_rolls_back(tmp_path, bm25):
    with rarefy.Search(tmp_path / "notes", bm25) as search:
        search.add(["a cat"], ids=["kept"], commit=False)
    with (
        pytest.raises(ZeroDivisionError),
        rarefy.Search(tmp_path / "notes", bm25) as search,
    ):
        search.add(["a cat"], ids=["lost"], commit=False)
        1 / 0  # noqa: B018
    assert Index.open(tmp_path / "notes").ids == ["kept"]


def test_ids_are_made_where_none_are_given(search):
    first, second = search.add(["a new cat", "a new cat"])
    assert first != second
    assert {first, second} <= set(ids(search.search("new cat")))
    assert search.add([]) == []


def test_several_queries_at_once_give_what_each_gives(search):
    queries = ["cat", "matrix bread", "nothing of it"]
    together = search.search_many(queries, k=2, explain=True, threads=2)
    assert together == [search.search(query, k=2, explain=True) for query in queries]
    vectors = search.encode_queries(queries)
    assert search.search_many(vectors, k=2, explain=True) == together
    assert search.search(vectors[[1]], k=2, explain=True) == together[1]


def test_async_variants_do_the_same(search):
    async def run():
        (name,) = await search.aadd(["an inverted cat"], {"year": [2025]})
        found = await search.asearch("inverted", k=1, filter="year == 2025")
        return name, found, await search.adelete([name])

    name, found, deleted = asyncio.run(run())
    assert ids(found) == [name]
    assert deleted == 1
    assert len(search) == 3


def test_threads_see_whole_commits_alone(search):
    """Pairs of documents come and go together: a search never finds one without the other."""
    wrong, done = [], threading.Event()
    search.delete(["bread"])

    def read():
        while not done.is_set():
            found = [hit.metadata["year"] for hit in search.search("recipe", k=20)]
            if len(found) not in (0, 2) or len(set(found)) > 1:
                wrong.append(found)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(12):
        search.add(["recipe one", "recipe two"], {"year": [turn, turn]}, ids=["one", "two"])
        if turn % 3 == 2:
            search.delete(["one", "two"])
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong


def test_writing_threads_lose_nothing(search):
    def write(worker):
        for turn in range(5):
            search.add([f"cat {worker} {turn}"], ids=[f"{worker}-{turn}"])

    writers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(search) == 3 + 20


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((["a"], {"text": ["b"]}), InputError, "'text', which holds the texts: rename"),
        ((["a"], [{"text": "b"}]), InputError, "'text', which holds the texts: rename"),
        ((["a"], [{}, {}]), InputError, "2 records of metadata for 1 texts"),
        ((["a"], {"year": [1, 2]}), InputError, "2 values for 1 documents"),
        ((["a"], {"year": ["x"]}), InputTypeError, "'year'"),
        ((["a"], 3), InputTypeError, "got int"),
        (("a",), InputTypeError, "texts is one str"),
        (([1],), InputTypeError, r"texts\[0\] is a int"),
        ((["a", "b"], None, "ab"), InputTypeError, "got one string 'ab'"),
        ((["a"], None, ["b", "c"]), InputError, "2 ids were given for 1 documents"),
    ],
)
def test_bad_documents_change_nothing(search, arguments, error, message):
    texts, metadata, names = (*arguments, None, None)[:3]
    with pytest.raises(error, match=message):
        search.add(texts, metadata, ids=names)
    assert len(search) == 3


def test_a_merge_that_fails_is_no_failure_of_the_commit(search, monkeypatch, caplog):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Replacement, "make", fail)
    for number in range(tiers.FACTOR + 2):  # the last is told of the merge that failed
        search.add(["A dog."], ids=[f"dog{number}"])
        with search._writer._state:
            search._writer._merges.settle()
    assert len(search) == 3 + tiers.FACTOR + 2
    assert "could not be merged: [Errno 28]" in caplog.text


def test_a_commit_that_fails_raises(search, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rarefy.index.writer.publish", fail)
    with pytest.raises(OSError, match="No space"):
        search.add(["A dog."], ids=["dog"])
    monkeypatch.undo()
    assert len(search) == 3
    search.commit()
    assert len(search) == 4


def test_a_folder_whose_making_was_cut_short_takes_the_model_that_is_given(tmp_path, bm25):
    for missing in (["model.json"], ["model.json", "terms.json"]):
        folder = tmp_path / str(len(missing))
        rarefy.Search(folder, bm25).close()
        for name in missing:
            (folder / name).unlink()
        rarefy.Search(folder, bm25).close()
        with rarefy.Search(folder) as search:
            search.add(["A cat."], ids=["cat"])
            assert ids(search.search("cat")) == ["cat"]


def test_terms_of_another_index_are_refused(search, tmp_path):
    terms = json.loads((tmp_path / "notes" / "terms.json").read_text())
    (tmp_path / "notes" / "terms.json").write_text(json.dumps(terms[1:]))
    with pytest.raises(InputError, match=f"{len(terms) - 1} terms, and the vectors have"):
        rarefy.Search(tmp_path / "notes")


def test_a_search_ends_when_its_time_is_over(search):
    with pytest.raises(TimeoutError, match="ask for less"):
        search.search("cat", timeout=0)
    assert ids(search.search("cat", timeout=60)) == ["cat"]


def test_bad_queries_are_refused(search):
    with pytest.raises(InputError, match="expected words to search for"):
        search.search("  ")
    with pytest.raises(InputError, match="k is 0"):
        search.search("cat", k=0)
    for texts in ([], ["cat", "mat"]):
        with pytest.raises(InputError, match=f"the query has {len(texts)} rows"):
            search.search(search.encode_queries(texts))
    with pytest.raises(InputError, match="'colour'"):
        search.search("cat", filter="colour == 'red'")
    with pytest.raises(InputError, match="colour"):
        search.search("cat", fields=["colour"])


def test_options_of_another_kind_are_refused_and_any_k_is_answered(search):
    for options, error, message in [
        ({"fields": "text"}, InputTypeError, "fields is 'text'; expected a list"),
        ({"fields": 3}, InputTypeError, "fields is 3; expected a list"),
        ({"timeout": "1"}, InputTypeError, "timeout is '1'; expected seconds"),
        ({"timeout": float("nan")}, InputError, "timeout is nan; expected seconds"),
    ]:
        with pytest.raises(error, match=message):
            search.search("cat", **options)
    assert search.search("cat", 2**70) == search.search("cat", 10)
    search.delete(search.index.ids)
    assert search.search("cat", 2**70) == []


def test_another_model_than_the_one_that_made_it_is_refused(notes, search, tmp_path):
    other = rarefy.BM25("words", k1=2).fit(notes.values())
    with pytest.raises(InputError, match="leave the model out"):
        rarefy.Search(tmp_path / "notes", other)
    with pytest.raises(InputError, match="fit"):
        rarefy.Search(tmp_path / "new", "bm25")


def test_other_folders_are_refused(tmp_path):
    (tmp_path / "photo.jpg").write_text("not an index")
    with pytest.raises(InputError, match="no index"):
        rarefy.Search(tmp_path, "bm25")
    with pytest.raises(InputError, match=r"photo\.jpg"):
        rarefy.Search(tmp_path / "photo.jpg", "bm25")


def test_an_index_of_vectors_alone_is_searched_by_vectors(notes, tmp_path, bm25):
    vectors = bm25.encode_documents(notes.values())
    Index.build(vectors, ids=list(notes)).save(tmp_path / "plain")
    search = rarefy.Search(tmp_path / "plain")
    assert search.model is None
    (hit,) = search.search(vectors[[0]], k=1, explain=True)
    assert hit.id == "cat"
    assert all(term.isdigit() for term, _ in hit.terms)
    assert hit.highlights == ()
    with pytest.raises(InputError, match="no model is known"):
        search.search("cat")
    assert ids(rarefy.Search(tmp_path / "plain", bm25).search("cat")) == ["cat"]
    with pytest.raises(InputError, match="columns"):
        rarefy.Search(tmp_path / "plain", rarefy.BM25("words").fit(["two words"]))


def test_an_index_of_vectors_may_name_its_columns(notes, tmp_path, bm25):
    from rarefy.origin import Origin

    vectors = bm25.encode_documents(notes.values())
    Index.build(vectors, ids=list(notes)).save(tmp_path / "named")
    Origin(tmp_path, bm25.vocabulary.terms).save(tmp_path / "named")
    search = rarefy.Search(tmp_path / "named")
    assert search.model is None
    (hit,) = search.search(vectors[[0]], k=1, explain=True)
    assert {"cat", "mat"} <= {term for term, _ in hit.terms}
    assert ids(rarefy.Search(tmp_path / "named", bm25).search("cat")) == ["cat"]


def test_an_index_of_the_command_line_is_searched(tmp_path, bm25):
    from rarefy.origin import Origin

    with Writer(tmp_path / "made", vocabulary_size=bm25.vocabulary_size) as writer:
        writer.upsert(["d1"], bm25.encode_documents(["a cat"]))
    Origin.of(bm25, "bm25", tmp_path / "made").save(tmp_path / "made")
    with rarefy.Search(tmp_path / "made") as search:
        (hit,) = search.search("cat", explain=True)
        assert (hit.id, hit.text, hit.metadata, hit.highlights) == ("d1", None, {}, ())
        search.add(["another cat"], ids=["d2"])
        assert {hit.text for hit in search.search("cat")} == {None, "another cat"}


def test_without_pyarrow_the_error_says_what_to_install(search, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"rarefy\[meta\]"):
        search.add(["a cat"])


@pytest.mark.models
def test_it_needs_the_extra_encode_alone(tmp_path):
    """In a process without the packages of other extras."""
    program = """
import sys
for name in ("faiss", "ir_measures", "matplotlib", "Stemmer", "fastapi"):
    sys.modules[name] = None
import rarefy
with rarefy.Search(sys.argv[1]) as search:
    search.add(["The cat sat.", "Matrix inversion."], ids=["cat", "matrix"])
    (hit,) = search.search("a matrix", k=1, explain=True)
    print(hit.id, [hit.text[a:b] for a, b in hit.highlights])
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "notes"], capture_output=True, text=True
    )
    assert done.stdout == "matrix ['Matrix']\n", done.stderr


@pytest.mark.models
def test_words_of_several_pieces_are_marked_as_a_whole(tmp_path):
    with rarefy.Search(tmp_path / "notes", "splade-tiny") as search:
        search.add(["Defenestration, then a pause."], ids=["d"])
        (hit,) = search.search("defenestration", explain=True)
    marked = [hit.text[a:b] for a, b in hit.highlights]
    assert marked[0] == "Defenestration"
    assert "," not in marked


def test_an_index_of_one_model_has_one_mode(search):
    assert search.modes == ("sparse",)
    assert ids(search.search("cat", mode="sparse")) == ["cat"]
    for options in ({"mode": "bm25"}, {"mode": "hybrid"}, {"weights": {"sparse": 1}}):
        with pytest.raises(InputError, match="has the mode 'sparse' alone"):
            search.search("cat", **options)
    assert {term for term, _ in search.query_terms("the matrix")} == {"matrix", "the"}
