"""Until when a question is awaited."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from rarefy.errors import InputError, InputTypeError

__all__ = ["DEADLINE", "STARTING", "until"]

DEADLINE = 60.0
"""Seconds that a question may take."""
STARTING = 300.0
"""Seconds that it may take until every shard has opened a commit."""
LONGEST = 365 * 24 * 3600.0
"""Seconds that are the same as for ever: clocks do not count much further."""


def until(seconds: Any) -> float:
    """Return when so many seconds will be over, by `time.monotonic`.

    Raises
    ------
    InputTypeError
        If it is no number.
    InputError
        If it is not above 0.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float | np.number):
        raise InputTypeError(f"deadline must be a number of seconds, got {seconds!r}")
    if not seconds > 0:
        raise InputError(f"deadline is {seconds}, expected a number of seconds above 0")
    return time.monotonic() + float(min(seconds, LONGEST))
