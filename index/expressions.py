"""What a filter on metadata says, as a tree.

    Expression
    ├── Comparison     year >= 2020
    ├── Membership     lang in ('en', 'de')
    ├── Contains       'python' in tags
    ├── Missing        year is null
    ├── Not            not ...
    └── Junction       ... and ...,  ... or ...

`grammar.parse` reads a tree from text, `field` makes one in Python, `str` writes it as text again.
Logic has three values, as in SQL: what is said of a missing value is neither true nor false, and
only documents of which the whole is true are selected.
"""

from __future__ import annotations

import dataclasses
import datetime
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np

from rarefy.errors import InputError, InputTypeError

__all__ = [
    "KEYWORDS",
    "NAME",
    "OPERATORS",
    "Comparison",
    "Contains",
    "Expression",
    "Field",
    "Junction",
    "Membership",
    "Missing",
    "Not",
    "Value",
    "field",
]

Value = bool | int | float | str
"""What metadata is compared with; a moment is its ISO 8601 text."""

NAME = re.compile(r"[^\W\d]\w*")
KEYWORDS = frozenset({"and", "false", "in", "is", "not", "null", "or", "true"})
OPERATORS = ("==", "!=", "<=", ">=", "<", ">")
MOST_NESTED = 50
"""Junctions within junctions, so that no tree exhausts the stack."""


class Expression:
    """A condition on a document's metadata; combined by ``&``, ``|`` and ``~``."""

    depth = 1

    def __and__(self, other: Expression) -> Expression:
        return _joined("and", self, other)

    def __or__(self, other: Expression) -> Expression:
        return _joined("or", self, other)

    def __invert__(self) -> Expression:
        return self.term if isinstance(self, Not) else Not(self)

    def __bool__(self) -> NoReturn:
        raise InputTypeError(
            f"the condition {str(self)!r} is true of some documents, not by itself: combine "
            f"conditions by &, | and ~, each in parentheses, not by and, or, not or a < b < c"
        )


@dataclasses.dataclass(frozen=True)
class Comparison(Expression):
    """A field's value beside another.

    Attributes
    ----------
    field : str
        Its name.
    operator : str
        One of `OPERATORS`.
    value : Value
        What the field is compared with.
    at : int or None
        Where in its text the condition starts, from 0.
    """

    field: str
    operator: str
    value: Value
    at: int | None = dataclasses.field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        if self.operator == "==" and self.value is True:
            return self.field
        return f"{self.field} {self.operator} {_literal(self.value)}"


@dataclasses.dataclass(frozen=True)
class Membership(Expression):
    """A field's value is one of several."""

    field: str
    values: tuple[Value, ...]
    at: int | None = dataclasses.field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.field} in ({', '.join(map(_literal, self.values))})"


@dataclasses.dataclass(frozen=True)
class Contains(Expression):
    """A field that is a list holds a value."""

    field: str
    value: Value
    at: int | None = dataclasses.field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{_literal(self.value)} in {self.field}"


@dataclasses.dataclass(frozen=True)
class Missing(Expression):
    """A document has no value in a field."""

    field: str
    at: int | None = dataclasses.field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.field} is null"


@dataclasses.dataclass(frozen=True)
class Not(Expression):
    """A condition is false."""

    term: Expression

    def __post_init__(self) -> None:
        _limit_depth(self, (self.term,))

    def __str__(self) -> str:
        return f"not {_enclosed(self.term)}"


@dataclasses.dataclass(frozen=True)
class Junction(Expression):
    """All of several conditions, or at least one of them.

    Attributes
    ----------
    word : str
        ``"and"`` or ``"or"``.
    terms : tuple of Expression
        The conditions, two or more.
    """

    word: str
    terms: tuple[Expression, ...]

    def __post_init__(self) -> None:
        _limit_depth(self, self.terms)

    def __str__(self) -> str:
        return f" {self.word} ".join(map(_enclosed, self.terms))


class Field:
    """A field of the metadata, to be compared with a value."""

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise InputTypeError(f"a field's name is a str, got {name!r}: pass its name")
        if not NAME.fullmatch(name) or name.lower() in KEYWORDS:
            raise InputError(
                f"{name!r} is no name of a field: use letters, digits and _, none of the words "
                f"{', '.join(sorted(KEYWORDS))}"
            )
        self.name = name

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Comparison:  # type: ignore[override]
        return Comparison(self.name, "==", _value(other))

    def __ne__(self, other: object) -> Comparison:  # type: ignore[override]
        return Comparison(self.name, "!=", _value(other))

    def __lt__(self, other: Any) -> Comparison:
        return Comparison(self.name, "<", _value(other))

    def __le__(self, other: Any) -> Comparison:
        return Comparison(self.name, "<=", _value(other))

    def __gt__(self, other: Any) -> Comparison:
        return Comparison(self.name, ">", _value(other))

    def __ge__(self, other: Any) -> Comparison:
        return Comparison(self.name, ">=", _value(other))

    def is_in(self, values: Iterable[Any]) -> Membership:
        """Select documents whose value is one of these."""
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise InputTypeError(f"is_in takes several values, got {values!r}: pass a list")
        return Membership(self.name, tuple(map(_value, values)))

    def contains(self, value: Any) -> Contains:
        """Select documents whose list holds this value."""
        return Contains(self.name, _value(value))

    def is_missing(self) -> Missing:
        """Select documents without a value."""
        return Missing(self.name)


def field(name: str) -> Field:
    """Return a field of the metadata, to make a filter of.

    ``(field("year") >= 2020) & field("lang").is_in(["en", "de"])`` is the same as the text
    ``"year >= 2020 and lang in ('en', 'de')"``. Beside comparisons there are ``contains`` for
    lists, ``is_missing``, and ``|`` and ``~``.

    Parameters
    ----------
    name
        The field's name.

    Raises
    ------
    InputTypeError
        If the name is no str, or later, if a value is none that metadata can have.
    InputError
        If no field can have this name.
    """
    return Field(name)


def _joined(word: str, *terms: Any) -> Expression:
    """Join conditions; those joined by the same word already become part of one junction."""
    flat: list[Expression] = []
    for term in terms:
        if not isinstance(term, Expression):
            raise InputTypeError(
                f"{term!r} of type {type(term).__name__} is no condition: put each comparison in "
                f"parentheses, as in (field('a') > 1) & (field('b') == 'x')"
            )
        flat += term.terms if isinstance(term, Junction) and term.word == word else [term]
    return Junction(word, tuple(flat))


def _limit_depth(expression: Expression, terms: tuple[Expression, ...]) -> None:
    depth = 1 + max(term.depth for term in terms)
    if depth > MOST_NESTED:
        raise InputError(f"the filter nests over {MOST_NESTED} conditions: simplify it")
    object.__setattr__(expression, "depth", depth)


def _value(given: Any) -> Value:
    """Return a value as its Python type, a moment as its text."""
    if isinstance(given, np.generic):
        given = given.item()
    if isinstance(given, datetime.date):  # a datetime is a date too
        return given.isoformat()
    if given is None:
        raise InputTypeError("None is no value to compare with: use is_missing()")
    if isinstance(given, str):
        return _encodable(given)
    if not isinstance(given, bool | int | float):
        raise InputTypeError(
            f"{given!r} of type {type(given).__name__} is no value that metadata has: "
            f"use bool, int, float, str or datetime"
        )
    if isinstance(given, float) and not math.isfinite(given):
        raise InputError(f"{given!r} is no value to compare with: use a finite number")
    if isinstance(given, int) and not -(2**63) <= given < 2**63:
        raise InputError(f"{given!r} is beyond 64 bits: use a smaller number")
    return given


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{text[error.start]!r} at character {error.start + 1} of a text is half a surrogate "
            f"pair: leave it out"
        ) from None
    return text


def _literal(value: Value) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value).lower()  # True is true


def _enclosed(term: Expression) -> str:
    return f"({term})" if isinstance(term, Junction) else str(term)
