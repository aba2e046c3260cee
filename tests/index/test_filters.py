"""Search among the documents that a condition on their metadata selects."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from rarefy.errors import InputError, InputTypeError
from rarefy.index import Index, field

RNG = np.random.default_rng(0)
N = 3000
DOCUMENTS = sp.random_array((N, 300), density=0.05, rng=RNG, format="csr", dtype=np.float32)
QUERIES = sp.random_array((20, 300), density=0.05, rng=RNG, format="csr", dtype=np.float32)
YEARS = RNG.integers(1990, 2030, N)
LANGS = RNG.choice(["en", "de", "fr"], N)
METADATA = {
    "year": [None if row % 7 == 0 else int(year) for row, year in enumerate(YEARS)],
    "lang": LANGS,
    "tags": [["even"] if row % 2 == 0 else [] for row in range(N)],
    "seen": [datetime.date(2020, 1, 1) + datetime.timedelta(days=row) for row in range(N)],
    "text": [f"text of {row}" for row in range(N)],
}
KNOWN = np.arange(N) % 7 != 0
FILTERS = {
    "year >= 2020 and lang in ('en', 'de')": KNOWN & (YEARS >= 2020) & (LANGS != "fr"),
    "not year >= 2020": KNOWN & (YEARS < 2020),
    "year is null": ~KNOWN,
    "'even' in tags or lang == 'fr'": (np.arange(N) % 2 == 0) | (LANGS == "fr"),
    "seen < '2020-02-01'": np.arange(N) < 31,
    "text == 'text of 17'": np.arange(N) == 17,
    "lang == 'it'": np.zeros(N, bool),
}


@pytest.fixture(scope="module", params=[False, True], ids=["float32", "compact"])
def index(request):
    return Index.build(DOCUMENTS, metadata=METADATA, compact=request.param)


@pytest.fixture(scope="module", params=["built", "saved and opened"])
def stored(request, index, tmp_path_factory):
    if request.param == "built":
        return index
    folder = tmp_path_factory.mktemp("index") / "index"
    index.save(folder)
    return Index.open(folder)


@pytest.mark.parametrize("k", [1, 10, 100])
@pytest.mark.parametrize("recall", [None, 0.9])
@pytest.mark.parametrize("text", FILTERS)
def test_a_condition_is_the_mask_that_it_means(stored, text, recall, k):
    found = stored.search(QUERIES, k=k, recall=recall, filter=text)
    expected = stored.search(QUERIES, k=k, recall=recall, filter=FILTERS[text])
    assert (found.rows == expected.rows).all()
    assert (found.scores == expected.scores).all()
    assert (stored.mask(text) == FILTERS[text]).all()
    assert FILTERS[text][found.rows[found.rows >= 0]].all()


def test_a_condition_equals_the_oracle(naive):
    index = Index.build(DOCUMENTS, metadata=METADATA)
    (text, mask), *_ = FILTERS.items()
    kept = sp.csr_array(DOCUMENTS.multiply(mask[:, None]))
    hits = index.search(QUERIES, k=10, filter=text)
    expected = [[row for row, _ in best] for best in naive.search(QUERIES, kept, 10)]
    assert [[row for row in rows if row >= 0] for rows in hits.rows.tolist()] == expected


def test_a_condition_may_be_an_object(index):
    condition = (field("year") >= 2020) & field("lang").is_in(["en", "de"])
    (text, mask), *_ = FILTERS.items()
    assert (index.mask(condition) == mask).all()
    hits = index.search(QUERIES, filter=condition)
    assert (hits.rows == index.search(QUERIES, filter=text).rows).all()


def test_masks_combine_with_masks_and_ids(index):
    both = index.mask("lang == 'fr'") & index.mask(["3", "4", "5"])
    assert set(np.flatnonzero(both)) == {3, 4, 5} & set(np.flatnonzero(LANGS == "fr"))


def test_metadata_is_returned_on_demand(stored):
    assert stored.fields == {
        "year": "int",
        "lang": "str",
        "tags": "list of str",
        "seen": "datetime",
        "text": "str",
    }
    hits = stored.search(QUERIES[[0]], k=3, filter="text == 'text of 17' or text == 'text of 14'")
    assert hits.ids[0, 2] is None
    records = stored.metadata(hits.ids[0], ["text", "year"])
    for name, record in zip(hits.ids[0], records, strict=True):
        if name is None:
            assert record == {}
        else:
            assert record == {"text": f"text of {name}", "year": METADATA["year"][int(name)]}
    (record,) = stored.metadata(["1"])
    assert record["seen"] == datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC)
    assert record["tags"] == []


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda index: index.search(QUERIES, filter="yeer > 3"), InputError, "'yeer' at character"),
        (lambda index: index.search(QUERIES, filter="year >"), InputError, "ends at character 7"),
        (lambda index: index.mask("year > 'x'"), InputError, "it is int; expected a whole number"),
        (lambda index: index.mask(3), InputTypeError, "the filter must be a condition as text"),
        (lambda index: index.metadata(["nope"]), InputError, "no document has the id 'nope'"),
        (lambda index: index.metadata(["1"], ["nope"]), InputError, "'nope' is no field"),
    ],
)
def test_what_cannot_be_asked_is_named(index, call, error, message):
    with pytest.raises(error, match=message):
        call(index)


def test_an_index_without_metadata():
    index = Index.build(DOCUMENTS)
    assert index.fields == {}
    assert index.metadata(["0", None]) == [{}, {}]
    with pytest.raises(InputError, match="the index has none: build it with metadata"):
        index.mask("year > 3")
    with pytest.raises(InputError, match="'year' is no field; the index has no metadata"):
        index.metadata(["0"], ["year"])


def test_an_index_without_documents_knows_no_field_yet():
    index = Index.build(sp.csr_array((0, 3)))
    hits = index.search(sp.csr_array(np.ones((1, 3))), filter="year >= 2020")
    assert hits.ids.tolist() == [[None] * 10]
    with pytest.raises(InputError, match="ends at character 7"):
        index.mask("year >")


def test_an_index_without_documents_may_have_metadata(tmp_path):
    empty = np.empty(0, np.int64)
    Index.build(sp.csr_array((0, 3)), metadata={"year": empty}).save(tmp_path / "index")
    index = Index.open(tmp_path / "index")
    assert index.fields == {"year": "int"}
    assert index.mask("year > 3").shape == (0,)


def test_search_without_metadata_needs_no_arrow(tmp_path):
    Index.build(DOCUMENTS, metadata=METADATA).save(tmp_path / "index")
    program = f"""
import sys
from pathlib import Path
sys.modules["pyarrow"] = None  # as if it were not installed
import numpy as np, scipy.sparse as sp
from rarefy.errors import MissingExtraError
from rarefy.index import Index
query = sp.csr_array(np.ones((1, 300)))
assert Index.build(query).search(query).rows[0, 0] == 0
index = Index.open({str(tmp_path / "index")!r})
assert index.search(query).rows[0, 0] >= 0
for ask in (lambda: index.mask("year > 3"), lambda: Index.build(query, metadata={{"a": [1]}})):
    try:
        ask()
    except MissingExtraError as error:
        assert "pip install 'rarefy[meta]'" in str(error), error
    else:
        raise AssertionError("metadata without Arrow")
"""
    subprocess.run([sys.executable, "-c", program], check=True)


DOCS = Path(__file__).parents[2] / "docs" / "filters.md"


def test_the_documentation_is_true(blocks):
    text = DOCS.read_text(encoding="utf-8")
    namespace = blocks.run(DOCS)
    assert f'str(condition)  # "{namespace["condition"]}"' in text
    listed = re.search(r"## The language\n\n```\n(.*?)```", text, re.DOTALL).group(1)
    filters = listed.splitlines()
    assert len(filters) > 10
    for filter in filters:
        namespace["index"].mask(filter)
