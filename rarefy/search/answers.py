"""What an index returns for queries, as hits: texts, fields, and the reasons for each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from rarefy.errors import InputError, InputTypeError
from rarefy.index import Hits, Index
from rarefy.index.vectors import canonical
from rarefy.search.fields import TEXT
from rarefy.search.hit import Hit

__all__ = ["Reasons", "answers", "end_of", "heaviest"]


@dataclass(frozen=True)
class Reasons:
    """What explains a hit.

    Attributes
    ----------
    index : Index
        Holds the document.
    terms : sequence of str or None
        One name a column; None if columns have none.
    spans : callable
        Returns where a text has which column, as `TermModel.spans` does.
    named : int or None
        How many columns mean something of their own, from the first: others are no reasons.
    """

    index: Index
    terms: Sequence[str] | None
    spans: Callable[[str], Sequence[tuple[int, int, int]]]
    named: int | None = None

    def of(self, query: Any, id: str, text: str | None) -> dict[str, Any]:
        """Return `Hit.terms` and `Hit.highlights` of a document for a query, by these names."""
        shares = self.index.explain(query, id)
        if self.named is not None:
            shares = [(column, share) for column, share in shares if column < self.named]
        names = [str(c) if self.terms is None else self.terms[c] for c, _ in shares]
        matched = {column for column, _ in shares}
        spans = self.spans(text) if text else ()
        places = {
            (start, end)
            for start, end, column in spans
            if column in matched and any(map(str.isalnum, str(text)[start:end]))
        }
        return {
            "terms": tuple(zip(names, (share for _, share in shares), strict=True)),
            "highlights": tuple(sorted(places)),
        }


def heaviest(
    index: Index, row: Any, k: int, terms: Sequence[str] | None, named: int | None
) -> list[tuple[str, float]]:
    """Return the k heaviest terms of one vector and their weights, ties by column.

    Parameters
    ----------
    index
        What the vector is for.
    row
        Scipy sparse [1, vocabulary], or [vocabulary].
    k
        How many at most.
    terms, named
        As `Reasons` has them.

    Raises
    ------
    InputTypeError, InputError
        If it is no such vector.
    """
    given = canonical(row, width=index.vocabulary_size, what="query vectors")
    if len(given) != 1:
        raise InputError(f"the query has {len(given)} rows; expected 1")
    kept = slice(None) if named is None else given.columns < named
    columns, weights = given.columns[kept], given.weights[kept]
    order = np.lexsort((columns, -weights))[:k]
    names = [str(c) if terms is None else terms[c] for c in columns[order].tolist()]
    return list(zip(names, weights[order].tolist(), strict=True))


def end_of(timeout: float | None) -> float:
    """Return when a search that begins now is given up, by `time.monotonic`.

    Parameters
    ----------
    timeout
        Seconds; None for no end.

    Raises
    ------
    InputTypeError, InputError
        If it is no number.
    """
    if timeout is None:
        return math.inf
    if isinstance(timeout, bool) or not isinstance(timeout, Real):
        raise InputTypeError(f"timeout is {timeout!r}; expected seconds, or None for no end")
    if math.isnan(timeout):
        raise InputError(f"timeout is {timeout}; expected seconds, or None for no end")
    return time.monotonic() + timeout


def answers(
    index: Index,
    queries: Any,
    found: Hits,
    fields: Sequence[str] | None,
    reasons: Reasons | None,
    deadline: float,
) -> list[list[Hit]]:
    """Return the hits of each query.

    Parameters
    ----------
    index
        What was searched.
    queries
        Scipy CSR [m, vocabulary].
    found
        What `Index.search` returned for them.
    fields
        What hits have of the metadata; None for all.
    reasons
        What explains them; None to leave it out.
    deadline
        When to give up, by `time.monotonic`.

    Raises
    ------
    InputTypeError
        If the fields are no sequence of names.
    InputError
        If there is no such field.
    TimeoutError
        If there are hits to be made after the deadline.
    """
    if isinstance(fields, str) or not isinstance(fields, Iterable | None):
        raise InputTypeError(f"fields is {fields!r}; expected a list of names, such as ['text']")
    wanted = list(index.fields if fields is None else dict.fromkeys(fields))
    hits: list[list[Hit]] = []
    for row, (names, scores) in enumerate(zip(found.ids, found.scores.tolist(), strict=True)):
        ids = [name for name in names if name is not None]
        records: list[dict[str, Any]] = index.metadata(ids, wanted) if wanted else [{} for _ in ids]
        query = queries[[row]] if reasons else None
        hits.append([])
        for id, score, record in zip(ids, scores, records, strict=False):
            if time.monotonic() > deadline:
                raise TimeoutError("the search takes too long: ask for less, or allow more time")
            # A field of this name that is no str is another thing than the document's text.
            text = record.pop(TEXT, None) if isinstance(record.get(TEXT, ""), str | None) else None
            why = reasons.of(query, id, text) if reasons else {}
            hits[-1].append(Hit(id, score, text, record, **why))
    return hits
