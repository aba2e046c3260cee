"""A caller's texts: checked, each distinct one once, and how far the work on them has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from rarefy.errors import InputTypeError

__all__ = ["Advance", "checked", "checked_blocks", "distinct", "progress_bar"]

_DAY = 86400.0  # seconds

Advance = Callable[[int], None]
"""Called with the number of texts just finished."""


def checked(texts: Iterable[str], *, first: int = 0) -> list[str]:
    """Return the texts as a list, with ``?`` for lone surrogates.

    Parameters
    ----------
    texts
        Any iterable of strings.
    first
        What errors number the first of them.

    Raises
    ------
    InputTypeError
        If `texts` is one string, is not iterable, or holds anything but strings.
    """
    if isinstance(texts, str | bytes):
        raise InputTypeError(
            f"texts is one {type(texts).__name__}, {texts[:40]!r}; expected a list of str: [text]"
        )
    if not isinstance(texts, Iterable):
        raise InputTypeError(f"texts is a {type(texts).__name__}; expected a list of str")
    items = list(texts)
    for position, item in enumerate(items, first):
        if not isinstance(item, str):
            raise InputTypeError(
                f"texts[{position}] is a {type(item).__name__}, {str(item)[:40]!r}; expected a str"
            )
        try:
            item.encode()
        except UnicodeEncodeError:  # JSON may hold half a surrogate pair; tokenizers take none
            items[position - first] = item.encode(errors="replace").decode()
    return items


def checked_blocks(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield the texts `size` at a time, each block as from :func:`checked`.

    Parameters
    ----------
    texts
        Any iterable of strings, which need not all be in memory.
    size
        Texts a block.
    """
    if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
        checked(texts)
    following, first = iter(texts), 0
    while block := checked(islice(following, size), first=first):
        yield block
        first += size


def distinct(texts: list[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct texts in order of appearance, and which of them each text is.

    Returns
    -------
    uniques
        The distinct texts.
    inverse : int64[n]
        ``texts[i] == uniques[inverse[i]]``.
    """
    positions: dict[str, int] = {}
    inverse = np.fromiter(
        (positions.setdefault(text, len(positions)) for text in texts), np.int64, len(texts)
    )
    return list(positions), inverse


@contextmanager
def progress_bar(total: int | None, shown: bool, label: str = "encoding") -> Iterator[Advance]:
    """Show a progress bar on stderr while the block runs, if `shown`."""
    if not shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    # The time left is told from the first step on, however long steps take.
    console = Console(stderr=True)
    progress = Progress(*columns, console=console, transient=True, speed_estimate_period=_DAY)
    with progress as bar:
        task = bar.add_task(label, total=total)
        bar.advance(task, 0)
        yield lambda finished: bar.advance(task, finished)
