"""Word-pieces with one column for all forms of a word, for lexical weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarefy.errors import InputError, require
from rarefy.sparse import analysis

__all__ = ["DROPPED", "fold_inflections", "folded_pieces"]

DROPPED = -1
"""What a table of folds holds for a piece that is left out."""

_SHORTEST = 3  # letters; the stems of shorter pieces say little


def fold_inflections(
    terms: tuple[str, ...], document_frequencies: NDArray[np.integer]
) -> NDArray[np.int16]:
    """Give the pieces that share a Porter stem one column, that of the most frequent of them.

    Whole words are folded among themselves, and so are the middles and ends of words.

    Parameters
    ----------
    terms
        The V pieces of a WordPiece vocabulary, in column order; V is below 2^15.
    document_frequencies : int [V]
        In how many texts each occurs.

    Returns
    -------
    int16 [V]
        The column of each piece.

    Raises
    ------
    MissingExtraError
        If PyStemmer is not installed.
    """
    stem = require("Stemmer", "eval").Stemmer("porter").stemWord
    families: dict[tuple[bool, str], list[int]] = {}
    for column, term in enumerate(terms):
        inside = term.startswith("##")
        word = term.removeprefix("##")
        if len(word) >= _SHORTEST and word.isalpha() and word.isascii():
            families.setdefault((inside, stem(word)), []).append(column)
    fold = np.arange(len(terms), dtype=np.int16)
    for columns in families.values():
        fold[columns] = columns[int(np.argmax(document_frequencies[columns]))]
    return fold


def folded_pieces(tokenizer: Any, fold: NDArray[np.integer]) -> analysis.Analyzer:
    """Return an analyzer that reads a tokenizer's word-pieces through a table of folds.

    Parameters
    ----------
    tokenizer
        A fast ``transformers`` tokenizer.
    fold : int [V]
        The column that stands for each piece, or `DROPPED`.

    Raises
    ------
    InputError
        If the table is of another vocabulary's size.
    """
    pieces = analysis.analyzer(tokenizer)
    vocabulary = pieces.vocabulary
    if vocabulary is None or len(vocabulary) != len(fold):
        raise InputError(
            f"the table of folds has {len(fold)} entries; expected one for each of the tokenizer's "
            f"{0 if vocabulary is None else len(vocabulary)} word-pieces"
        )
    columns, terms = vocabulary.columns, vocabulary.terms
    special = vocabulary.special

    def term(piece: str) -> str | None:
        column = columns[piece]
        folded = int(fold[column])
        return None if folded == DROPPED or column in special else terms[folded]

    return replace(pieces, name="folded-pieces", term=term)
