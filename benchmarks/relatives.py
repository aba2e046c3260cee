"""Which terms count as a text's own: its word-pieces, their inflections, WordNet's neighbours.

Common words make no relatives: a piece that more than 5% of the texts of general language have is
left out first.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse
from Stemmer import Stemmer

from rarefy.sparse import Vocabulary

__all__ = ["LEVELS", "Relatives"]

LEVELS = ("inflections", "neighbours")
"""How far relatives go: to forms of a word, or also to its neighbours in WordNet."""

_SHORTEST = 3  # letters; the stems of shorter pieces say little
_COMMONEST = 0.05
# Synonyms are of one synset; these lead to others: hypernyms and hyponyms, with instances,
# derivations, similar and related adjectives, attributes, what an adverb is made of.
_POINTERS = {"@", "~", "@i", "~i", "+", "&", "^", "=", "\\"}


class _Synset(NamedTuple):
    words: list[str]
    neighbours: list[tuple[str, str]]


class Relatives:
    """The relatives of each term of a vocabulary.

    Parameters
    ----------
    vocabulary
        Whole words of it have relatives.
    wordnet
        Folder of WordNet's ``data.noun`` and so on.
    general
        CSR [n, V]: the pieces of texts of general language.
    """

    def __init__(self, vocabulary: Vocabulary, wordnet: Path, general: sparse.csr_array) -> None:
        self._telling = general.mean(0) <= _COMMONEST
        stem = Stemmer("porter").stemWord
        families: dict[str, set[int]] = defaultdict(set)
        for column, term in enumerate(vocabulary.terms):
            if term.isascii() and term.isalpha() and len(term) >= _SHORTEST:
                families[stem(term)].add(column)
        self.inflections = [{column} for column in range(len(vocabulary))]
        for family in families.values():
            for column in family:
                self.inflections[column] = family
        neighbours = _neighbours(vocabulary, wordnet)
        self.neighbours = [
            family.union(*(neighbours.get(column, ()) for column in family))
            for family in self.inflections
        ]

    def of(self, own: sparse.csr_array, level: str) -> sparse.csr_array:
        """Return the terms that count as own, CSR [n, V].

        Parameters
        ----------
        own
            CSR [n, V]: the pieces of n texts.
        level
            One of `LEVELS`.
        """
        table = dict(zip(LEVELS, (self.inflections, self.neighbours), strict=True))[level]
        rows = []
        for start, end in zip(own.indptr[:-1], own.indptr[1:], strict=True):
            pieces = own.indices[start:end]
            rows.append(
                sorted(set().union(*(table[piece] for piece in pieces[self._telling[pieces]])))
            )
        starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
        columns = np.array([column for row in rows for column in row], dtype=np.int64)
        return sparse.csr_array((np.ones(len(columns)), columns, starts), shape=own.shape)


def _neighbours(vocabulary: Vocabulary, folder: Path) -> dict[int, set[int]]:
    """Return the columns of the words of each word's synsets and of those next to them."""
    synsets: dict[tuple[str, str], _Synset] = {}
    for part in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{part}").read_text(encoding="utf-8").splitlines():
            if line.startswith("  "):  # the licence at the top
                continue
            fields = line.split(" | ")[0].split()
            count = int(fields[3], 16)
            words = [re.sub(r"\(\w+\)$", "", word).lower() for word in fields[4::2][:count]]
            at = 5 + 2 * count
            pointers = [fields[at + 4 * n : at + 4 * n + 3] for n in range(int(fields[at - 1]))]
            near = [(_part(kind), place) for mark, place, kind in pointers if mark in _POINTERS]
            synsets[_part(fields[2]), fields[0]] = _Synset(words, near)
    found: dict[int, set[int]] = defaultdict(set)
    columns = vocabulary.columns
    for synset in synsets.values():
        around = [synset, *(synsets[key] for key in synset.neighbours)]
        near_columns = {columns[word] for one in around for word in one.words if word in columns}
        for word in synset.words:
            if word in columns:
                found[columns[word]] |= near_columns
    return found


def _part(kind: str) -> str:
    return "a" if kind == "s" else kind  # satellites of adjectives are in the same file
