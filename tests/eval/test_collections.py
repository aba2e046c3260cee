"""Collections as TREC gives them, known ones, languages, and a query's own document."""

import json
from dataclasses import replace

import pytest

from rarefy.errors import InputError
from rarefy.eval import Collection, bench, load_collection
from rarefy.eval.collections import Texts, read_trec, registry
from rarefy.eval.collections.languages import guess_language
from rarefy.eval.systems import encode_collection
from rarefy.sparse import BM25

DOCUMENTS = """<DOC>
<DOCNO> FT-1 </DOCNO>
<TEXT>Cats &amp; dogs
<P>live</P> here</TEXT>
</DOC>
<DOC><DOCNO>FT-2</DOCNO> one line </DOC> <doc><docno>FT-3</docno>
lower case</doc>
"""
TOPICS = """<top>
<num> Number: 301
<title> International Organized Crime
<desc> Description:
Identify organizations that
participate.
<narr> Narrative: Any.
</top>

<top><num>302</num><title>Topic: Polio</title><desc>Is it?</desc><narr>n</narr></top>
"""


@pytest.fixture
def trec(tmp_path):
    def write(**files):
        folder = tmp_path / "trec"
        folder.mkdir()
        content = {
            "documents.txt": DOCUMENTS,
            "topics.txt": TOPICS,
            "qrels.txt": "301 0 FT-1 1\n302 0 FT-3 2\n",
        }
        content |= {name.replace("_", "."): text for name, text in files.items()}
        for name, text in content.items():
            if text is not None:
                (folder / name).write_text(text)
        return folder

    return write


def test_documents_topics_and_qrels_are_a_collection(trec):
    found = load_collection(trec())
    assert found.name == "trec"
    assert found.document_ids == ["FT-1", "FT-2", "FT-3"]
    assert found.documents == ["Cats & dogs live here", "one line", "lower case"]
    assert found.query_ids == ["301", "302"]
    assert found.queries == ["International Organized Crime", "Polio"]
    assert found.qrels == {"301": {"FT-1": 1}, "302": {"FT-3": 2}}


def test_other_fields_forms_and_judgements(trec, tmp_path):
    folder = trec()
    assert read_trec(folder, field="desc").queries[0] == "Identify organizations that participate."
    (folder / "topics.txt").unlink()
    (folder / "topics.tsv").write_text("301\tcrime\n302\tpolio\n")
    (folder / "documents.txt").unlink()
    lines = [{"_id": f"FT-{row}", "title": "t", "text": "x"} for row in (1, 2, 3)]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = read_trec(folder)
    assert (found.queries, found.documents) == (["crime", "polio"], ["t x"] * 3)
    (folder / "qrels.txt").write_text("301 0 FT-1 1\n301 0 GONE 1\n999 0 FT-1 1\n")
    with pytest.raises(InputError, match=r"qrels.txt: document 'GONE'.*--drop-unknown"):
        read_trec(folder)
    assert read_trec(folder, drop_unknown=True).qrels == {"301": {"FT-1": 1}}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"documents_txt": "<DOC>\n<DOCNO>a</DOCNO>\n"}, r"documents.txt:1: <DOC> without </DOC>"),
        ({"documents_txt": "\n<DOC> x </DOC>\n"}, r"documents.txt:2: <DOC> without <DOCNO>"),
        ({"documents_txt": "stray\n"}, r"documents.txt:1: 'stray' outside of <DOC>"),
        (
            {"documents_txt": DOCUMENTS + "<DOC><DOCNO>FT-2</DOCNO></DOC>"},
            r"documents.txt:8: <DOCNO> 'FT-2' occurs twice",
        ),
        ({"topics_txt": "<top><num>1</num></top>"}, r"topics.txt:1: <top> without <title>"),
        ({"topics_txt": TOPICS + TOPICS}, r"topics.txt:11: topic '301' occurs twice"),
        ({"topics_2": "<top></top>"}, r"2 files topics\*"),
        ({"qrels_dev": "301 0 FT-1 1"}, r"2 files qrels\*.*name the split"),
        ({"qrels_txt": None}, r"0 files qrels\*"),
        ({"documents_txt": None}, "neither corpus.jsonl nor documents"),
        ({"qrels_txt": "301 0 FT-1\n"}, r"qrels.txt:1: 3 columns"),
    ],
)
def test_what_is_broken_is_named_with_its_line(trec, files, message):
    with pytest.raises(InputError, match=message):
        load_collection(trec(**files))


def test_a_known_collection_is_compared_with_the_record(beir, tmp_path, monkeypatch):
    folder = beir()
    as_read = load_collection(folder)
    entry = {"language": "yo", "leave_out_own": True}
    known = {"set": entry | {"fingerprints": {"test": as_read.fingerprint}}}
    monkeypatch.setattr(registry, "known", lambda: known)
    monkeypatch.setenv("RAREFY_DATA", str(tmp_path))
    monkeypatch.chdir("/")
    for spec in ("set", folder):
        found = load_collection(spec)
        assert (found.name, found.language, found.leave_out_own) == ("set", "yo", True)
    assert load_collection("set", language="fr").language == "fr"
    with (folder / "queries.jsonl").open("a") as file:
        file.write('{"_id": "q3", "text": "changed"}\n')
    with pytest.raises(InputError, match=r"set \(test\) has the fingerprint .* is on record"):
        load_collection("set")
    assert load_collection(folder).language == "en", "by its path it is used as it is"
    monkeypatch.setenv("RAREFY_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="RAREFY_DATA must name the folder"):
        load_collection("set")
    monkeypatch.delenv("RAREFY_DATA")
    with pytest.raises(InputError, match="set RAREFY_DATA"):
        load_collection("set")


def test_without_contents_on_record_the_name_decides(beir, monkeypatch):
    entry = {"language": "en", "leave_out_own": True, "fingerprints": {}}
    monkeypatch.setattr(registry, "known", lambda: {"set": entry})
    assert load_collection(beir()).leave_out_own


@pytest.mark.data
@pytest.mark.parametrize("name", ["scifact", "cacm", "xquad-r/zh", "jsquad-ja"])
def test_real_collections_are_those_on_record(data, monkeypatch, name):
    monkeypatch.setenv("RAREFY_DATA", str(data))
    monkeypatch.chdir("/")
    found = load_collection(name)
    assert found.name == name
    assert found.language == {"xquad-r/zh": "zh", "jsquad-ja": "ja"}.get(name, "en")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The cat sat.", "en"),
        ("東京の天気は晴れです", "ja"),
        ("北京的天气", "zh"),
        ("한국어 문장", "ko"),
        ("a word of 中 in a long English sentence", "en"),
        ("", "en"),
    ],
)
def test_scripts_tell_languages(text, language):
    assert guess_language([text]) == language


def test_chinese_is_searched_by_pairs_of_characters():
    chinese = Collection(
        name="zh",
        split="test",
        document_ids=["a", "b"],
        documents=["北京的天气很好", "上海的食物很好"],
        query_ids=["q"],
        queries=["天气"],
        qrels={"q": {"a": 1}},
        language="zh",
    )
    assert bench(chinese, ["bm25"])["systems"][0]["measures"]["RR@10"] == 1
    as_words = bench(replace(chinese, language="en"), ["bm25"])
    assert as_words["systems"][0]["measures"]["RR@10"] == 0, "a whole sentence is one word"


def test_a_querys_own_document_is_no_result(tiny):
    own = replace(
        tiny,
        query_ids=["d1", "q2", "q3"],
        qrels={"d1": {"d2": 1}, "q2": {"d3": 1}},
        queries=["cat cats", "matrix inversion", "x"],
    )
    with_own = bench(own, ["bm25"], measures="RR@10")["systems"][0]
    assert with_own["per_query"]["RR@10"]["d1"] == 0.5
    for found in (
        bench(own, ["bm25", "bm25+bm25"], measures="RR@10", ignore_identical_ids=True),
        bench(replace(own, leave_out_own=True), ["bm25", "bm25+bm25"], measures="RR@10"),
    ):
        assert found["collection"]["leave_out_own"] is True
        for row in found["systems"]:
            assert row["per_query"]["RR@10"]["d1"] == 1.0
        (example,) = [shown for shown in found["examples"]["queries"] if shown["query_id"] == "d1"]
        assert [hit["id"] for hit in example["systems"]["bm25"]["hits"]] == ["d2"]


def test_a_fingerprint_is_of_the_contents(tiny):
    same = replace(
        tiny,
        name="other",
        documents=Texts.of(tiny.documents),
        qrels=dict(reversed(tiny.qrels.items())),
    )
    assert same.fingerprint == tiny.fingerprint
    changes = [
        replace(tiny, documents=[*tiny.documents[:-1], "changed"]),
        replace(tiny, queries=["cats", *tiny.queries[1:]]),
        replace(tiny, qrels={**tiny.qrels, "q1": {"d1": 1}}),
        replace(tiny, document_ids=["d1", "d2", "d3", "d5"]),
    ]
    assert len({change.fingerprint for change in changes} | {tiny.fingerprint}) == 5


def test_a_corpus_is_never_in_memory_as_strings(beir, monkeypatch):
    found = load_collection(beir(gz=True))
    assert isinstance(found.documents, Texts)
    assert isinstance(found.document_ids, Texts)
    assert isinstance(found.judged().documents, Texts)

    lines = [{"_id": f"d{row}", "text": f"word{row} matrix"} for row in range(7)]
    many = replace(
        found,
        document_ids=[line["_id"] for line in lines],
        documents=Texts.of(line["text"] for line in lines),
        qrels={},
    )
    sizes = []
    encode = BM25.encode_documents

    def counted(self, texts, **options):
        sizes.append(len(texts))
        return encode(self, texts, **options)

    monkeypatch.setattr(BM25, "encode_documents", counted)
    model = BM25().fit(many.documents)
    whole = encode_collection(model, many).vectors.documents
    monkeypatch.setattr("rarefy.eval.systems.encoding._BLOCK", 3)
    blocks = encode_collection(model, many).vectors.documents
    assert sizes == [7, 3, 3, 1]
    assert (whole != blocks).nnz == 0
