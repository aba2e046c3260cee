"""Texts without an object each."""

import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarefy.eval.collections.texts import Texts, repeated


@given(st.lists(st.text(st.characters(codec=None), max_size=20)))
def test_texts_are_those_that_were_given(texts):
    packed = Texts.of(texts)
    assert list(packed) == texts
    assert packed == texts == packed
    assert len(packed) == len(texts)
    assert [packed[row] for row in range(-len(texts), len(texts))] == texts * 2
    for places in (slice(1, None), slice(None, -1), slice(3, 1), slice(None, None, 2)):
        assert list(packed[places]) == texts[places]


def test_a_slice_of_a_slice_is_right():
    packed = Texts.of(["a", "bc", "", "def", "g"])
    assert list(packed[1:4][1:]) == ["", "def"]
    assert packed != ["a"]
    assert packed[1:3] != ["bc", "x"]
    assert repr(packed) == "Texts(5 texts, 7 bytes)"
    with pytest.raises(IndexError):
        packed[5]


def test_what_occurs_twice_is_found():
    assert repeated(Texts.of(["a", "b", "c"])) is None
    assert repeated(Texts.of(["a", "b", "c", "b"])) == (1, 3)
    assert repeated([]) is None


def test_many_texts_take_little_memory():
    count = 200_000
    tracemalloc.start()
    packed = Texts.of(f"document number {row} of many" for row in range(count))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 10 * count + 2**21, "8 bytes a text, and the file's buffer"
    assert sys.getsizeof(packed[17]) * count > 3 * held
    assert packed[count - 1] == f"document number {count - 1} of many"
