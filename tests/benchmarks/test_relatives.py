"""Which terms count as a text's own, on a WordNet of three synsets."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("Stemmer")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from relatives import LEVELS, Relatives

from rarefy.sparse import Vocabulary

TERMS = ("cat", "cats", "feline", "dog", "true", "##s", "the", "kitty", "felines")
NOUNS = """\
  1 a licence
00000001 05 n 02 cat 0 kitty 0 001 @ 00000002 n 0000 | a pet
00000002 05 n 01 feline 0 001 ~ 00000001 n 0000 | an animal
00000003 05 n 01 dog 0 001 ! 00000001 n 0101 | not a cat
"""
ADJECTIVES = "00000004 00 s 02 true(a) 0 cat 0 000 | genuine\n"


@pytest.fixture
def relatives(tmp_path):
    for part, content in (("noun", NOUNS), ("adj", ADJECTIVES), ("verb", ""), ("adv", "")):
        (tmp_path / f"data.{part}").write_text(content)
    general = np.zeros((10, len(TERMS)))
    general[:, 6] = 1  # "the" is in every text
    return Relatives(Vocabulary(TERMS), tmp_path, sparse.csr_array(general))


def own(relatives, level, *words):
    pieces = sparse.csr_array(np.isin(TERMS, words)[None] * 1.0)
    return {TERMS[column] for column in relatives.of(pieces, level).indices}


def test_forms_of_a_word_and_pieces(relatives):
    level = LEVELS[0]
    assert own(relatives, level, "cats") == {"cat", "cats"}
    assert own(relatives, level, "dog", "##s", "the") == {"dog", "##s"}
    assert own(relatives, level) == set()


def test_neighbours_of_all_forms(relatives):
    level = LEVELS[1]
    assert own(relatives, level, "cats") == {"cat", "cats", "kitty", "feline", "true"}
    assert own(relatives, level, "felines") == {"feline", "felines", "cat", "kitty"}
    assert own(relatives, level, "dog") == {"dog"}  # an antonym is no neighbour
