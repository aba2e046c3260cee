import pytest

import rarefy

TEXTS = {
    "cat": "The cat sat on the mat.",
    "matrix": "Matrix inversion: a matrix is inverted by elimination.",
    "bread": "A recipe for bread with three ingredients.",
}
YEARS = [2019, 2021, 2024]


@pytest.fixture
def folder(tmp_path):
    """An index of three texts, which knows its model."""
    pytest.importorskip("pyarrow")
    model = rarefy.BM25("words").fit(TEXTS.values())
    with rarefy.Search(tmp_path / "index", model) as search:
        search.add(list(TEXTS.values()), {"year": YEARS}, ids=list(TEXTS))
    return tmp_path / "index"
