"""Views of a text: what says about the same in other words, in less, or with mistakes.

A view takes a text and a generator of random numbers and returns a text, so any function of that
form is one, such as a call of a paraphraser. Two views of a text are a pair to learn from; queries
in a view test whether what is found stays the same (:func:`rarefy.eval.collections.perturbed`).
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from rarefy.errors import InputError

__all__ = ["VIEWS", "View", "cropped", "dropped", "misspelt", "rewritten", "swapped"]

View: TypeAlias = Callable[[str, np.random.Generator], str]


def dropped(text: str, random: np.random.Generator, *, share: float = 0.2) -> str:
    """Leave out a share of the words, at least one where there are several.

    Wu et al., "CLEAR: Contrastive Learning for Sentence Representation", 2020.
    """
    words = text.split()
    if len(words) < 2:
        return text
    count = min(max(1, round(share * len(words))), len(words) - 1)
    gone = set(random.choice(len(words), count, replace=False).tolist())
    return " ".join(word for place, word in enumerate(words) if place not in gone)


def cropped(text: str, random: np.random.Generator, *, share: float = 0.5) -> str:
    """Keep a share of the words that follow one another, at least one.

    Ma et al., "Pre-train a Discriminative Text Encoder for Dense Retrieval via Contrastive Span
    Prediction", SIGIR 2022.
    """
    words = text.split()
    if not words:
        return text
    count = max(1, round(share * len(words)))
    start = int(random.integers(len(words) - count + 1))
    return " ".join(words[start : start + count])


def swapped(text: str, random: np.random.Generator) -> str:
    """Exchange two words that follow one another."""
    words = text.split()
    if len(words) < 2:
        return text
    place = int(random.integers(len(words) - 1))
    words[place : place + 2] = words[place + 1], words[place]
    return " ".join(words)


def misspelt(text: str, random: np.random.Generator, *, share: float = 0.1) -> str:
    """Put another small Latin letter in the place of a share of the letters, at least one."""
    places = [place for place, letter in enumerate(text) if letter.isalpha()]
    characters = list(text)
    count = min(max(1, round(share * len(places))), len(places))
    for place in random.choice(places, count, replace=False).tolist() if places else ():
        others = [letter for letter in string.ascii_lowercase if letter != text[place].lower()]
        characters[place] = others[int(random.integers(len(others)))]
    return "".join(characters)


def rewritten(texts: Sequence[str], random: np.random.Generator) -> str:
    """Choose one of a text and what others wrote in its place.

    Fan et al., "Improving CLIP Training with Language Rewrites", NeurIPS 2023: each time that an
    item comes, one of its texts.

    Raises
    ------
    InputError
        If there is none.
    """
    if not texts or isinstance(texts, str):
        raise InputError(f"texts is {texts!r}; expected a list of at least one text")
    return texts[int(random.integers(len(texts)))]


VIEWS = MappingProxyType(
    {"cropped": cropped, "dropped": dropped, "misspelt": misspelt, "swapped": swapped}
)
"""Views of a text by name."""
