import pytest


@pytest.fixture
def folder(note_search, tmp_path):
    """An index of three texts, which knows its model."""
    pytest.importorskip("pyarrow")
    note_search(tmp_path / "index").close()
    return tmp_path / "index"


@pytest.fixture(scope="session")
def joined(tmp_path_factory, notes):
    """An index of the same texts, to be searched in several modes."""
    pytest.importorskip("pyarrow")
    pytest.importorskip("sentence_transformers")
    import rarefy

    folder = tmp_path_factory.mktemp("joined") / "index"
    with rarefy.Search(folder, "splade-tiny+bm25") as search:
        search.add(list(notes.values()), ids=list(notes))
    return folder


@pytest.fixture
def fields_search(tmp_path):
    """An index whose fields are called as what adapters add."""
    pytest.importorskip("pyarrow")
    import rarefy

    text = "The cat sat on the mat."
    search = rarefy.Search(tmp_path / "fields", rarefy.BM25("words").fit([text]))
    fields = {"terms": ["strict"], "score": [7], "id": ["x"], "content": ["y"]}
    search.add([text], fields, ids=["cat"])
    return search
