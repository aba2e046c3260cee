"""The names of systems."""

import pytest

from rarefy.errors import InputError
from rarefy.eval.systems import parse_system, swept
from rarefy.eval.systems.specification import Fusion, Specification


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bm25", ("bm25", "", {})),
        ("bm25:lucene", ("bm25", "lucene", {})),
        ("dense:hnsw:ef=64:links=16", ("dense", "hnsw", {"ef": 64, "links": 16})),
        ("dense:ivfpq:nprobe=4", ("dense", "ivfpq", {"nprobe": 4})),
        ("dense:model=a/b", ("dense", "", {"model": "a/b"})),
        ("minilm-d2s:recall=0.95", ("minilm-d2s", "", {"recall": 0.95})),
        (
            "splade-tiny:documents=64:queries=8",
            ("splade-tiny", "", {"documents": 64, "queries": 8}),
        ),
        ("naver/splade-v3:lucene", ("naver/splade-v3", "lucene", {})),
        ("hash:hamming", ("hash", "hamming", {})),
        ("run:file=a.trec", ("run", "", {"file": "a.trec"})),
    ],
)
def test_a_name_is_a_model_an_engine_and_settings(name, expected):
    assert parse_system(name) == Specification(name, *expected)
    assert swept(name) == [name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bm25+dense", ("rrf", ("bm25", "dense"), None)),
        ("minmax=bm25:lucene+dense:hnsw", ("minmax", ("bm25:lucene", "dense:hnsw"), None)),
        ("zscore=0.3*bm25+0.7*dense", ("zscore", ("bm25", "dense"), (0.3, 0.7))),
        ("minmax=0*a+1*b+2*c", ("minmax", ("a", "b", "c"), (0.0, 1.0, 2.0))),
    ],
)
def test_a_name_can_be_a_fusion(name, expected):
    assert parse_system(name) == Fusion(name, *expected)
    assert swept(name) == [name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dense:flat", "no engine 'flat'; it has: hnsw, ivfpq"),
        ("bm25:hnsw", "no engine 'hnsw'; it has: lucene, hamming"),
        ("dense:hnsw:nprobe=3", "no setting 'nprobe'"),
        ("dense:hnsw:ef=none", "ef is 'none'; expected a whole number"),
        ("dense:hnsw:ef=0", "ef is '0'"),
        ("minilm-d2s:recall=1.5", "at most 1"),
        ("minilm-d2s:recall=nan", "recall is 'nan'"),
        ("run", "expected run:file=FILE"),
        ("minmax=bm25", "joins one system"),
        ("minmax=0.5*bm25+dense", "a weight for every part"),
        ("rrf=0.5*bm25+0.5*dense", "none with rrf"),
        ("minmax=-1*bm25+1*dense", "weight is '-1'"),
        ("bm25+dense:flat", "no engine 'flat'"),
    ],
)
def test_a_wrong_name_says_what_would_be_right(name, message):
    with pytest.raises(InputError, match=message):
        parse_system(name)


def test_values_with_slashes_are_a_sweep():
    assert swept("dense:hnsw:ef=16/64") == ["dense:hnsw:ef=16", "dense:hnsw:ef=64"]
    assert swept("m:recall=0.9/1:documents=8/16") == [
        "m:recall=0.9:documents=8",
        "m:recall=0.9:documents=16",
        "m:recall=1:documents=8",
        "m:recall=1:documents=16",
    ]
    with pytest.raises(InputError, match="ef is ''"):
        parse_system(swept("dense:hnsw:ef=16/")[1])


def test_what_is_there_is_a_model_whatever_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a+b:hnsw=1").mkdir()
    assert parse_system("a+b:hnsw=1") == Specification("a+b:hnsw=1", "a+b:hnsw=1")
    assert swept("a+b:hnsw=1") == ["a+b:hnsw=1"]
