"""Text to terms, for lexical models.

An analyzer splits a text into tokens, and turns a token into a term or drops it. The two are apart
because a collection has few distinct tokens: each is lower-cased, stemmed or dropped once.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rarefy.errors import InputError, InputTypeError, require
from rarefy.sparse.vocabulary import Vocabulary

__all__ = [
    "OF_WORDS",
    "Analyzer",
    "analyzer",
    "language_analyzer",
    "read_tokenizer",
    "word_places",
]

OF_WORDS = ("english", "words")
"""Analyzers whose tokens are words as `word_places` finds them."""

_WORDS = re.compile(r"\w+")
# Kana, unified ideographs with their extensions, hangul: scripts that separate no words.
_CJK = "\u1100-\u11ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_CJK += "\U00020000-\U0003ffff"
_RUNS = re.compile(f"[{_CJK}]+|[^\\W{_CJK}]+")

# Lucene's EnglishAnalyzer.ENGLISH_STOP_WORDS_SET.
_STOP_WORDS = frozenset(
    _WORDS.findall(
        "a an and are as at be but by for if in into is it no not of on or such that the their "
        "then there these they this to was will with"
    )
)


@dataclass(frozen=True)
class Analyzer:
    """How text becomes terms.

    Attributes
    ----------
    name
        ``"english"``, ``"words"``, ``"cjk"``, ``"whitespace"`` or ``"word-pieces"``.
    split
        Texts to the tokens of each.
    term
        A token to its term, or None where it is dropped.
    vocabulary
        The columns, where they are known before any text is seen.
    tokenizer
        The JSON of the tokenizer that `split` uses, if it is one.
    """

    name: str
    split: Callable[[list[str]], Iterable[list[str]]]
    term: Callable[[str], str | None]
    vocabulary: Vocabulary | None = None
    tokenizer: str | None = None


def analyzer(choice: Any) -> Analyzer:
    """Return an analyzer.

    Parameters
    ----------
    choice
        ``"english"``: runs of Unicode word characters, lower-cased, without Lucene's 33 English
        stop words, stemmed by Porter's algorithm. ``"words"``: the same without stop words and
        stemming. ``"cjk"``: pairs of neighbouring characters where a run is Chinese, Japanese or
        Korean, and words elsewhere, lower-cased and in Unicode's form NFKC, as Lucene's
        CJKAnalyzer has it. ``"whitespace"``: what stands between white space, as it is. Or a fast
        ``transformers`` tokenizer or a ``tokenizers.Tokenizer``, for its word-pieces: the
        vocabulary is then the tokenizer's, so that lexical vectors share their columns with those
        of a learned model that has the same tokenizer.

    Raises
    ------
    InputError
        If there is no analyzer of that name.
    InputTypeError
        If it is neither a name nor a fast tokenizer.
    MissingExtraError
        If it needs PyStemmer or tokenizers and that is not installed.
    """
    if isinstance(choice, Analyzer):
        return choice
    if not isinstance(choice, str):
        return _word_pieces(choice)
    if choice == "english":
        stem = require("Stemmer", "eval").Stemmer("porter").stemWord
        return Analyzer(
            choice, _lower_words, lambda token: None if token in _STOP_WORDS else stem(token)
        )
    if choice == "words":
        return Analyzer(choice, _lower_words, str)
    if choice == "cjk":
        return Analyzer(choice, _cjk, str)
    if choice == "whitespace":
        return Analyzer(choice, lambda texts: map(str.split, texts), str)
    raise InputError(
        f"there is no analyzer {choice!r}; expected 'english', 'words', 'cjk', "
        "'whitespace', or a tokenizer"
    )


def language_analyzer(language: str) -> str:
    """Return the name of the analyzer for a language.

    Parameters
    ----------
    language
        ISO 639-1 code: ``"en"`` is stemmed, ``"zh"``, ``"ja"`` and ``"ko"`` are split into pairs
        of characters, others into words.
    """
    return {"en": "english", "zh": "cjk", "ja": "cjk", "ko": "cjk"}.get(language, "words")


def read_tokenizer(path: Path) -> Analyzer:
    """Return the analyzer of a ``tokenizer.json``.

    Raises
    ------
    InputError
        If the file is missing or holds no tokenizer.
    """
    tokenizers = require("tokenizers", "encode")
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise InputError(f"{path} holds no tokenizer ({error})") from error
    return _word_pieces(tokenizer)


def _word_pieces(tokenizer: Any) -> Analyzer:
    tokenizers = require("tokenizers", "encode")
    given = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not isinstance(given, tokenizers.Tokenizer):
        raise InputTypeError(
            f"analyzer is a {type(tokenizer).__name__}; expected a name such as 'english', or a "
            "fast Hugging Face tokenizer"
        )
    own = tokenizers.Tokenizer.from_str(given.to_str())
    own.no_truncation()
    own.no_padding()
    special = {column for column, token in own.get_added_tokens_decoder().items() if token.special}
    vocabulary = Vocabulary.from_ids(own.get_vocab(), special)
    dropped = {vocabulary.terms[column] for column in special}
    return Analyzer(
        "word-pieces",
        lambda texts: (e.tokens for e in own.encode_batch(texts, add_special_tokens=False)),
        lambda token: None if token in dropped else token,
        vocabulary,
        own.to_str(),
    )


def word_places(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where each word of a text starts and ends, and the word in lower case."""
    for word in _WORDS.finditer(text):
        yield word.start(), word.end(), word.group().lower()


def _lower_words(texts: list[str]) -> Iterable[list[str]]:
    return (_WORDS.findall(text.lower()) for text in texts)


def _cjk(texts: list[str]) -> Iterable[list[str]]:
    return (list(_pairs(unicodedata.normalize("NFKC", text).lower())) for text in texts)


def _pairs(text: str) -> Iterable[str]:
    for run in _RUNS.findall(text):
        if len(run) > 1 and re.match(f"[{_CJK}]", run):
            yield from map("".join, itertools.pairwise(run))
        else:
            yield run
