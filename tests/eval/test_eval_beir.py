import gzip

import pytest

from rarefy.errors import InputError
from rarefy.eval import load_collection


@pytest.mark.parametrize("gz", [False, True])
def test_a_folder_is_read(beir, gz):
    found = load_collection(beir(gz=gz))
    assert found.name == "set"
    assert found.split == "test"
    assert found.document_ids == ["d1", "d2"]
    assert found.documents == ["Cats sit on mats", "Dogs chase cats"]
    assert found.query_ids == ["q1", "q2"]
    assert found.queries == ["cat", "dog"]
    assert found.qrels == {"q1": {"d1": 1}, "q2": {"d2": 2}}


def test_a_header_is_optional_and_windows_files_are_read(beir):
    folder = beir(test="q1\td1\t1\r\n\r\nq2\td2\t0\r\n")
    corpus = folder / "corpus.jsonl"
    corpus.write_bytes(b"\xef\xbb\xbf" + corpus.read_bytes().replace(b"\n", b"\r\n"))
    assert load_collection(folder).qrels == {"q1": {"d1": 1}, "q2": {"d2": 0}}


@pytest.mark.parametrize(
    ("splits", "asked", "chosen"),
    [
        (["train", "dev", "test"], None, "test"),
        (["train", "dev"], None, "dev"),
        (["train"], None, "train"),
        (["train", "test"], "train", "train"),
    ],
)
def test_the_split_is_chosen(beir, splits, asked, chosen):
    folder = beir(**dict.fromkeys(splits, "q1\td1\t1\n"))
    assert load_collection(folder, split=asked).split == chosen


@pytest.mark.parametrize(
    ("splits", "asked", "message"),
    [
        (["train", "other"], None, "has the splits other, train; name the one"),
        (["train", "test"], "dev", "no split 'dev'; it has test, train"),
    ],
)
def test_a_split_that_cannot_be_chosen_is_an_error(beir, splits, asked, message):
    folder = beir(**dict.fromkeys(splits, "q1\td1\t1\n"))
    with pytest.raises(InputError, match=message):
        load_collection(folder, split=asked)


GOOD = {"_id": "d1", "text": "a"}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"corpus": [GOOD, "{"]}, r"corpus.jsonl:2: broken JSON .* one JSON object a line"),
        ({"corpus": [GOOD, "[1]"]}, r"corpus.jsonl:2: found a JSON list"),
        ({"corpus": [GOOD, GOOD]}, r"corpus.jsonl:2: _id 'd1' occurs twice"),
        ({"corpus": [{"_id": 7, "text": "a"}]}, r"corpus.jsonl:1: '_id' is 7; expected a string"),
        ({"corpus": [{"id": "d1", "text": "a"}]}, r"corpus.jsonl:1: no '_id'; found id, text"),
        ({"corpus": [{"_id": "d1", "title": "a"}]}, r"corpus.jsonl:1: no 'text'"),
        ({"corpus": ["", ""]}, r"corpus.jsonl has no documents"),
        ({"queries": [{"_id": "q1", "text": None}]}, r"queries.jsonl:1: 'text' is None"),
        ({"test": "q1\td1\t1\nq1\td2\tmany\n"}, r"test.tsv:2: grade 'many'"),
        ({"test": "q1\td1\t1.5\nq1\td2\t1\n"}, r"test.tsv:1: grade '1.5'"),
        ({"test": "q1\td1\n"}, r"test.tsv:1: 2 columns"),
        ({"test": "q1\td1\t1\nq1\td1\t2\n"}, r"test.tsv:2: document 'd1' has the grades 1 and 2"),
        ({"test": "query-id\tcorpus-id\tscore\n"}, r"test.tsv has no judgements"),
        ({"test": "q1\td1\t1\nq1\td9\t1\n"}, r"test.tsv:2: document 'd9' is not in corpus.jsonl"),
        ({"test": "q1\td1\t1\nq9\td1\t1\n"}, r"test.tsv:2: query 'q9' is not in queries.jsonl"),
    ],
)
def test_a_broken_folder_is_an_error_that_names_the_place(beir, parts, message):
    with pytest.raises(InputError, match=message):
        load_collection(beir(**parts))


def test_unknown_ids_can_be_dropped(beir):
    folder = beir(test="q1\td1\t1\nq1\td9\t1\nq9\td1\t1\n")
    assert load_collection(folder, drop_unknown=True).qrels == {"q1": {"d1": 1}}


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file_is_an_error_that_names_it(beir, name):
    folder = beir()
    (folder / name).unlink()
    with pytest.raises(InputError, match=name.replace("test", "<split>")):
        load_collection(folder)


def test_damaged_gzip_and_other_encodings_are_errors(beir):
    folder = beir(gz=True)
    corpus = folder / "corpus.jsonl.gz"
    whole = corpus.read_bytes()
    corpus.write_bytes(whole[:-12])
    with pytest.raises(InputError, match=r"corpus.jsonl.gz is not a whole gzip file"):
        load_collection(folder)
    corpus.write_bytes(b"plain text")
    with pytest.raises(InputError, match=r"corpus.jsonl.gz is not a whole gzip file"):
        load_collection(folder)
    corpus.write_bytes(gzip.compress('{"_id": "d1", "text": "é"}\n'.encode("latin-1")))
    with pytest.raises(InputError, match=r"corpus.jsonl.gz:1: not UTF-8"):
        load_collection(folder)


def test_an_unknown_collection_is_an_error_that_lists_the_forms(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.*BEIR form.*pydocs.*irds:<id>"):
        load_collection(tmp_path / "nowhere")


def test_a_limit_samples(beir):
    assert len(load_collection(beir(), limit=1).documents) == 1


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "documents", "queries", "judged", "judgements"),
    [("nfcorpus", 3633, 3237, 323, 12334), ("scifact", 5183, 1109, 300, 339)],
)
def test_real_collections_have_the_published_sizes(
    data, name, documents, queries, judged, judgements
):
    found = load_collection(data / name)
    assert len(found.documents) == documents
    assert len(found.queries) == queries
    assert len(found.qrels) == judged == len(found.judged().queries)
    assert sum(map(len, found.qrels.values())) == judgements
