import pytest


@pytest.fixture
def folder(note_search, tmp_path):
    """An index of three texts, which knows its model."""
    pytest.importorskip("pyarrow")
    note_search(tmp_path / "index").close()
    return tmp_path / "index"
