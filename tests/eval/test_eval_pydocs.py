import os
import subprocess
import sys

import pytest

from rarefy.errors import InputError
from rarefy.eval import load_collection
from rarefy.eval.collections import read_pydocs
from rarefy.eval.collections.pydocs import _nearly_the_same, _parse


@pytest.fixture(scope="module")
def pydocs():
    return read_pydocs()


def test_it_is_of_a_useful_size(pydocs):
    assert 1500 < len(pydocs.documents) <= 3000
    assert len(pydocs.queries) == 500
    assert pydocs.queries_without_judgements == 0


def test_it_is_the_same_in_every_process():
    # New ones: Ray, once it was started in this one, stands in for a function of inspect.
    program = "from rarefy.eval import load_collection; print(repr(load_collection('pydocs')))"
    told = [
        subprocess.run(
            [sys.executable, "-P", "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert told[0].startswith("Collection(name='pydocs'")


def test_another_seed_draws_others(pydocs):
    assert read_pydocs(seed=1) != pydocs


def test_a_query_is_a_summary_and_its_document_the_rest(pydocs):
    rows = dict(zip(pydocs.document_ids, pydocs.documents, strict=True))
    assert rows["numpy.linalg.norm"].startswith("numpy.linalg.norm This function is able to")
    for query_id, query in zip(pydocs.query_ids, pydocs.queries, strict=True):
        for document_id in pydocs.qrels[query_id]:
            assert not rows[document_id].startswith(f"{document_id} {query}")


def test_documents_have_bounded_length_and_no_duplicates(pydocs):
    lengths = [len(text.split()) for text in pydocs.documents]
    assert min(lengths) >= 20
    assert max(lengths) <= 101
    assert len({text.partition(" ")[2] for text in pydocs.documents}) > 0.97 * len(lengths)


def test_queries_are_distinct(pydocs):
    assert len(set(pydocs.queries)) == len(pydocs.queries)


def test_a_signature_is_not_a_summary():
    body = " ".join(["word"] * 30)
    entry = _parse("numpy.add", f"add(x1, x2)\n\nAdd arguments\nelement-wise. More.\n\n{body}")
    assert entry is not None
    assert entry.summary == "Add arguments element-wise."
    assert entry.body == f"More. {body}"
    assert _parse("numpy.add", "add(x1, x2)") is None
    assert _parse("numpy.add", "Add arguments.\n\nToo short.") is None


def test_texts_that_share_most_shingles_are_one_group():
    common = "one two three four five six seven eight nine ten"
    labels = _nearly_the_same([common, "quite another text with its own words", f"{common} eleven"])
    assert labels[0] == labels[2] != labels[1]


def test_making_it_prints_nothing_and_imports_nothing_heavy():
    program = (
        "import sys; from rarefy.eval import load_collection; load_collection('pydocs');"
        "print([name for name in ('torch', 'matplotlib', 'faiss') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-W", "always", "-c", program], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_it_has_one_split():
    assert load_collection("pydocs", split="test", limit=10).split == "test"
    with pytest.raises(InputError, match="no split 'dev'"):
        load_collection("pydocs", split="dev")
