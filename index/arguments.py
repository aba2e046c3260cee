"""Numbers that a search is asked for, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from rarefy.errors import InputError, InputTypeError
from rarefy.index.vectors import MAX_COLUMNS

__all__ = ["check_count", "check_recall", "check_same_size", "check_vocabulary_size"]


def check_count(name: str, value: Any) -> None:
    """Raise InputTypeError unless a value is an integer, InputError if it is below 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputTypeError(
            f"{name} must be an integer, got {value!r} of type {type(value).__name__}"
        )
    if value < 1:
        raise InputError(f"{name} is {value}, expected at least 1: ask for one or more")


def check_recall(recall: Any) -> None:
    """Raise InputTypeError unless a recall is None or a number, InputError if not in (0, 1]."""
    if recall is None:
        return
    if isinstance(recall, bool) or not isinstance(recall, int | float | np.number):
        raise InputTypeError(
            f"recall must be a number in (0, 1] or None, got {recall!r} of type "
            f"{type(recall).__name__}"
        )
    if not 0 < recall <= 1:
        raise InputError(f"recall is {recall}, expected a number in (0, 1]: 1 is an exact search")


def check_vocabulary_size(given: Any) -> None:
    """Raise InputTypeError unless a value is an integer, InputError if no index has such a size."""
    if isinstance(given, bool) or not isinstance(given, int | np.integer):
        raise InputTypeError(f"vocabulary_size must be an integer, got {given!r}")
    if not 0 <= given <= MAX_COLUMNS:
        raise InputError(f"vocabulary_size is {given}, expected 0..{MAX_COLUMNS}")


def check_same_size(given: int | None, known: int, where: Any) -> None:
    """Raise InputError if a vocabulary size is given and the index at a place has another."""
    if given not in (None, known):
        raise InputError(
            f"vocabulary_size is {given}, {where} has {known}: encode with the model that made "
            f"the index"
        )
