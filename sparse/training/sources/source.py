"""What a source of training pairs is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Pair", "Source"]


class Pair(NamedTuple):
    """Two texts that belong together: what somebody may ask, and what answers."""

    query: str
    document: str


@dataclass(frozen=True)
class Source:
    """Pairs that are read when they are asked for.

    Parameters
    ----------
    name
        What reports call it.
    licence
        What its text may be used for.
    origin
        Where it is from, for people.
    read
        Starts a new pass over the pairs.
    """

    name: str
    licence: str
    origin: str
    read: Callable[[], Iterator[Pair]]

    def __iter__(self) -> Iterator[Pair]:
        return self.read()
