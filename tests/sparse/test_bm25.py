"""BM25 against its formula, and against published measures."""

from __future__ import annotations

import gzip
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from rarefy.errors import InputError, InputTypeError
from rarefy.sparse import BM25, load
from rarefy.sparse.analysis import analyzer, language_analyzer

DOCUMENTS = ["red fish blue fish", "one fish", "two birds and one bird", ""]


def by_hand(query, document, documents, k1, b):
    split = [d.split() for d in documents]
    average = sum(map(len, split)) / len(split)
    terms, total = document.split(), 0.0
    for term in query.split():
        df = sum(term in d for d in split)
        tf = terms.count(term)
        idf = math.log(1 + (len(split) - df + 0.5) / (df + 0.5))
        if tf:
            total += idf * tf / (tf + k1 * (1 - b + b * len(terms) / average))
    return total


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (1.2, 0.75), (0.0, 0.0), (2.0, 1.0)])
def test_scores_are_those_of_the_formula(k1, b):
    model = BM25("whitespace", k1=k1, b=b).fit(DOCUMENTS)
    queries = ["fish", "one fish fish", "bird nowhere", "nowhere"]
    scores = model.encode_queries(queries) @ model.encode_documents(DOCUMENTS).T
    expected = [[by_hand(q, d, DOCUMENTS, k1, b) for d in DOCUMENTS] for q in queries]
    np.testing.assert_allclose(scores.toarray(), expected, rtol=1e-6)


def test_rows_are_canonical_float32():
    rows = BM25("whitespace").fit(DOCUMENTS).encode_documents([*DOCUMENTS, "  ", "fish blue red"])
    assert rows.dtype == np.float32
    assert rows.shape == (6, 8)
    assert rows.has_sorted_indices
    assert (rows.data > 0).all()
    assert np.diff(rows.indptr).tolist() == [3, 2, 5, 0, 0, 3]


def test_english_drops_stop_words_and_stems():
    model = BM25().fit(["The running dogs", "no cats"])
    assert list(model.vocabulary.terms) == ["run", "dog", "cat"]
    assert model.encode_queries(["dog RUNS"]).nnz == 2
    assert model.encode_queries(["the of and"]).nnz == 0


def test_words_of_other_scripts():
    model = BM25("words").fit(["Über die Brücke", "снег и лёд", "雪 と 氷"])
    assert model.encode_queries(["ÜBER", "лёд", "雪"]).nnz == 3


@pytest.mark.models
def test_word_pieces_share_the_tokenizer_s_columns(tokenizer, tmp_path):
    model = BM25(tokenizer).fit(["cat mat dog"])
    assert model.vocabulary_size == len(tokenizer)
    row = model.encode_queries(["dog zebra"])
    assert row.indices.tolist() == [tokenizer.get_vocab()["dog"]]
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert (again.encode_documents(["mat dog"]) != model.encode_documents(["mat dog"])).nnz == 0


def test_saved_and_loaded(tmp_path):
    model = BM25("words", k1=1.1, b=0.3).fit(DOCUMENTS)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.fingerprint == model.fingerprint
    assert list(again.vocabulary.terms) == list(model.vocabulary.terms)
    texts = [*DOCUMENTS, "fish unknown words"]
    assert (again.encode_documents(texts) != model.encode_documents(texts)).nnz == 0


@pytest.mark.parametrize("file", ["bm25.json", "vocabulary.json", "document_frequencies.npy"])
def test_damaged_folder(tmp_path, file):
    BM25("words").fit(DOCUMENTS).save(tmp_path / "model")
    content = (tmp_path / "model" / file).read_bytes()
    (tmp_path / "model" / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="is not a BM25 model"):
        load(tmp_path / "model")


def test_a_damaged_tokenizer(tmp_path, tokenizer):
    BM25(tokenizer).fit(DOCUMENTS).save(tmp_path / "model")
    for damage in (lambda file: file.write_text("{"), lambda file: file.unlink()):
        damage(tmp_path / "model" / "tokenizer.json")
        with pytest.raises(InputError, match=r"tokenizer\.json holds no tokenizer"):
            load(tmp_path / "model")


def test_the_fingerprint_covers_how_the_tokenizer_splits(tokenizer):
    import tokenizers

    cased = tokenizers.Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    cased.normalizer = tokenizers.normalizers.NFC()
    one, two = (BM25(pieces).fit(["the cat"]) for pieces in (tokenizer, cased))
    assert one.encode_queries(["CAT"]).nnz > two.encode_queries(["CAT"]).nnz
    assert one.fingerprint != two.fingerprint


def test_fitting_again_forgets():
    model = BM25("words").fit(["a b c"])
    first = model.fingerprint
    model.fit(["d e"])
    assert list(model.vocabulary.terms) == ["d", "e"]
    assert model.fingerprint != first


def test_bad_input():
    with pytest.raises(InputError, match=r"call fit\(texts\) first"):
        BM25().encode_queries(["a"])
    with pytest.raises(InputError, match="texts is empty"):
        BM25().fit([])
    with pytest.raises(InputTypeError, match=r"texts\[1\] is a int"):
        BM25().fit(["a", 1])
    with pytest.raises(InputTypeError, match="expected a list of str"):
        BM25().fit("one text")
    with pytest.raises(InputError, match="no analyzer 'porter'"):
        BM25("porter")
    with pytest.raises(InputTypeError, match="analyzer is a int"):
        BM25(7)
    with pytest.raises(InputError, match="k1 is -1"):
        BM25(k1=-1)
    with pytest.raises(InputError, match=r"b is 1\.5"):
        BM25(b=1.5)


def test_explain_and_decode():
    model = BM25("whitespace").fit(DOCUMENTS)
    rows = model.encode_documents(["fish fish blue", ""])
    (first, weight), *_ = model.explain(rows[0])
    assert first == "fish"
    assert weight == pytest.approx(rows.max())
    assert model.explain(rows[[0]].toarray()) == model.explain(rows[[0]])
    assert model.decode(rows, k=1) == [[(first, weight)], []]
    with pytest.raises(InputError, match="k is 0"):
        model.explain(rows[0], k=0)
    with pytest.raises(InputError, match="row has the shape"):
        model.explain(rows)


def test_needs_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None; import rarefy.sparse as s; "
        "m = s.load('bm25').fit(['a cat']); assert m.encode_queries(['cats']).nnz == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_needs_torch_says_so():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "try: from rarefy import DenseToSparse\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("MissingExtraError")
    assert "pip install 'rarefy[encode]'" in done.stdout


@pytest.mark.data
@pytest.mark.parametrize(("name", "published"), [("scifact", 0.6789), ("nfcorpus", 0.3218)])
def test_published_measure(data, name, published):
    ir_measures = pytest.importorskip("ir_measures")
    folder = data / name

    def read(file):
        with gzip.open(folder / file, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    corpus, queries = read("corpus.jsonl.gz"), read("queries.jsonl.gz")
    qrels = list(ir_measures.read_trec_qrels(_trec(folder / "qrels" / "test.tsv")))
    judged = {qrel.query_id for qrel in qrels}
    queries = [query for query in queries if query["_id"] in judged]
    texts = [f"{document.get('title', '')} {document['text']}" for document in corpus]
    model = BM25().fit(texts)
    scores = model.encode_queries([q["text"] for q in queries]) @ model.encode_documents(texts).T
    scores = scores.toarray()
    run = [
        ir_measures.ScoredDoc(query["_id"], corpus[i]["_id"], float(row[i]))
        for query, row in zip(queries, scores, strict=True)
        for i in np.argsort(-row)[:10]
    ]
    measure = ir_measures.nDCG @ 10
    assert ir_measures.calc_aggregate([measure], qrels, run)[measure] == pytest.approx(
        published, abs=0.005
    )


def _trec(path):
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    return "".join("{} 0 {} {}\n".format(*line.split("\t")) for line in lines)


def test_scripts_without_spaces_are_split_into_pairs():
    split = analyzer("cjk").split
    assert list(split(["東京タワー is ３３３m tall", "한국어 中"])) == [
        ["東京", "京タ", "タワ", "ワー", "is", "333m", "tall"],
        ["한국", "국어", "中"],
    ]
    model = BM25("cjk").fit(["東京の天気", "大阪の天気"])
    scores = (
        model.encode_queries(["東京"]) @ model.encode_documents(["東京の天気", "大阪"]).T
    ).toarray()
    assert scores[0, 0] > 0 == scores[0, 1]


def test_fitting_reads_texts_one_block_at_a_time(monkeypatch):
    monkeypatch.setattr("rarefy.sparse.lexical._BLOCK", 2)
    texts = ["a b", "b c", "c", "a a d", "d"]
    whole, stream = BM25("words").fit(texts), BM25("words").fit(iter(texts))
    assert whole.statistics()["documents"] == stream.statistics()["documents"] == 5
    assert whole.fingerprint == stream.fingerprint
    with pytest.raises(InputTypeError, match=r"texts\[3\] is a int"):
        BM25("words").fit(["a", "b", "c", 4])


@pytest.mark.parametrize(
    ("language", "name"), [("en", "english"), ("ja", "cjk"), ("zh", "cjk"), ("yo", "words")]
)
def test_each_language_has_an_analyzer(language, name):
    assert language_analyzer(language) == name
