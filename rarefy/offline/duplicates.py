"""No document twice: ids that occur in two places of a source."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError
from rarefy.offline.batch import Slice
from rarefy.offline.source import read_slice

__all__ = ["check_unique"]


def check_unique(
    form: str, slices: Sequence[Slice], hashes: Sequence[npt.NDArray[np.uint64]]
) -> None:
    """Refuse ids that occur twice; only slices that may have one are read again.

    Parameters
    ----------
    form
        Of the source.
    slices
        In their order.
    hashes
        Of each slice uint64[n], of its ids: 24 bytes of memory a document while they are compared.

    Raises
    ------
    InputError
        If there is one; it names both places.
    """
    every = np.sort(np.concatenate(hashes))
    often = np.unique(every[1:][every[1:] == every[:-1]])
    if not len(often):
        return
    seen: dict[str, str] = {}
    for piece, known in zip(slices, hashes, strict=True):
        rows = np.flatnonzero(np.isin(known, often)).tolist()
        if not rows:
            continue
        batch = read_slice(form, piece, ())
        for row in rows:
            name, place = batch.ids[row], f"{piece.path}:{batch.numbers[row]}"
            if name in seen:
                raise InputError(
                    f"the id {name!r} occurs twice, in {seen[name]} and in {place}; ids must be "
                    f"unique"
                )
            seen[name] = place
