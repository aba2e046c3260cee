"""Vocabularies: from tokenizers, and saved."""

from __future__ import annotations

import pytest

from rarefy.errors import InputError
from rarefy.sparse import Vocabulary


def test_from_ids_fills_gaps_and_marks_what_is_special():
    vocabulary = Vocabulary.from_ids({"[CLS]": 0, "[unused7]": 1, "cat": 3}, [0], size=5)
    assert vocabulary.terms == ("[CLS]", "[unused7]", "[unused2]", "cat", "[unused4]")
    assert vocabulary.special == {0, 1, 2, 4}
    assert vocabulary.columns["cat"] == 3
    assert len(vocabulary) == 5


@pytest.mark.models
def test_from_tokenizer(tokenizer):
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    assert vocabulary.terms[2:4] == ("[CLS]", "[SEP]")
    assert vocabulary.special == {0, 1, 2, 3, 4, 5}


def test_saved_and_loaded(tmp_path):
    vocabulary = Vocabulary(["a", "é", "雪", '"'], frozenset([1]))
    vocabulary.save(tmp_path / "v.json")
    assert Vocabulary.load(tmp_path / "v.json") == vocabulary


@pytest.mark.parametrize("content", ["", "[]", '{"terms": [1], "special": []}', '{"terms": []}'])
def test_not_a_vocabulary(tmp_path, content):
    (tmp_path / "v.json").write_text(content)
    with pytest.raises(InputError, match="is not a vocabulary"):
        Vocabulary.load(tmp_path / "v.json")


def test_frozen():
    with pytest.raises(AttributeError):
        Vocabulary(["a"]).terms = ()
