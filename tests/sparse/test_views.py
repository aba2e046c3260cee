"""Views of texts, and collections whose queries are in one."""

from __future__ import annotations

import numpy as np
import pytest

from rarefy.errors import InputError
from rarefy.eval import Collection
from rarefy.eval.collections import perturbed
from rarefy.sparse.views import VIEWS, cropped, dropped, misspelt, rewritten, swapped

TEXT = "a dog barked at the cat on the mat today"


def random(seed=0):
    return np.random.default_rng(seed)


def test_words_are_dropped():
    words = TEXT.split()
    left = dropped(TEXT, random(), share=0.3).split()
    assert len(left) == 7
    places = iter(words)
    assert all(word in places for word in left)  # in the order of the text
    assert len(dropped("two words", random(), share=0.0).split()) == 1
    assert len(dropped("two words", random(), share=1.0).split()) == 1


def test_words_that_follow_one_another_are_kept():
    left = cropped(TEXT, random(), share=0.4)
    assert left in TEXT
    assert len(left.split()) == 4
    assert {cropped("one two", random(seed)) for seed in range(20)} == {"one", "two"}


def test_two_words_are_swapped():
    assert swapped("one two", random()) == "two one"
    found, words = swapped(TEXT, random()).split(), TEXT.split()
    assert sorted(found) == sorted(words)
    wrong = [place for place in range(len(words)) if found[place] != words[place]]
    assert wrong == [wrong[0], wrong[0] + 1]


def test_letters_are_misspelt():
    found = misspelt(TEXT, random(), share=0.2)
    assert len(found) == len(TEXT)
    changed = [place for place, letter in enumerate(TEXT) if found[place] != letter]
    assert len(changed) == round(0.2 * sum(map(str.isalpha, TEXT)))
    assert all(TEXT[place].isalpha() and found[place].isalpha() for place in changed)


def test_one_text_of_several():
    texts = ["a cat", "a small cat", "a kitten"]
    assert {rewritten(texts, random(seed)) for seed in range(30)} == set(texts)
    for wrong in ([], "a cat"):
        with pytest.raises(InputError, match="expected a list of at least one"):
            rewritten(wrong, random())


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_short_texts_and_seeds(view):
    assert view("", random()) == ""
    assert view("123", random()) == "123"
    assert view(TEXT, random(3)) == view(TEXT, random(3))
    assert len({view(TEXT, random(seed)) for seed in range(9)}) > 1


def test_queries_of_a_collection():
    collection = Collection("animals", "test", ["1"], ["a cat"], ["x", "y"], [TEXT, TEXT], {})
    found = perturbed(collection, misspelt)
    assert found.name == "animals (misspelt)"
    assert found.documents == ["a cat"]
    assert found.query_ids == ["x", "y"]
    assert TEXT not in found.queries
    assert found.queries[0] != found.queries[1]
    assert perturbed(collection, misspelt).queries == found.queries
    assert perturbed(collection, misspelt, seed=1).queries != found.queries
