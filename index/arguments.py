"""Numbers that a search is asked for, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from rarefy.errors import InputError, InputTypeError

__all__ = ["check_count", "check_recall"]


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
