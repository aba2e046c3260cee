"""Our filters in a store's own language.

Stores differ in what they take ``not`` of a missing value for. So a filter is first brought into a
form without ``not`` but at its conditions: by De Morgan's laws, which hold in logic of three values
too, a document is selected if and only if conditions that are each plainly true of it make it so.
A dialect then has to say six things: that a value is there and compares, is one of some or none of
them, that a list is there and holds a value or does not, and that a value is missing or is not.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from rarefy.index.expressions import (
    Comparison,
    Contains,
    Expression,
    Junction,
    Membership,
    Missing,
    Not,
)
from rarefy.index.grammar import parse
from rarefy.index.metadata import Metadata
from rarefy.index.selection import of_type, selected

__all__ = ["Dialect", "microseconds", "moment", "translated"]

OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROSECOND = datetime.timedelta(microseconds=1)

T = TypeVar("T")


class Dialect(Protocol[T]):
    """How a store says conditions; each is false of a missing value.

    Values are of the field's type: bool, int, float, str, or datetime in UTC.
    """

    def compared(self, name: str, kind: str, operator: str, value: Any) -> T:
        """Say that a value is there and compares so; the operator is one of `OPERATORS`."""

    def among(self, name: str, kind: str, values: Sequence[Any], negative: bool) -> T:
        """Say that a value is there and is one of some, or none of them; they may be none."""

    def holding(self, name: str, value: str, negative: bool) -> T:
        """Say that a list is there and holds a text, or does not."""

    def missing(self, name: str, negative: bool) -> T:
        """Say that there is no value, or that there is one."""

    def joined(self, word: str, terms: Sequence[T]) -> T:
        """Say that all (``"and"``) or some (``"or"``) of two or more conditions are true."""


def translated(filter: str | Expression, fields: Mapping[str, str], dialect: Dialect[T]) -> T:
    """Say a filter in a store's language.

    Parameters
    ----------
    filter
        As `Index.search` takes it.
    fields
        The fields and their types.
    dialect
        The language.

    Raises
    ------
    InputError
        If the filter cannot be read or does not fit the fields, as `Index.search` says it; or the
        store has no word for it.
    """
    expression = parse(filter) if isinstance(filter, str) else filter
    selected(expression, Metadata(dict).completed(fields, 0))  # raises what search would raise
    return _said(expression, False, fields, dialect)


def _said(
    expression: Expression, negative: bool, fields: Mapping[str, str], dialect: Dialect[T]
) -> T:
    if isinstance(expression, Not):
        return _said(expression.term, not negative, fields, dialect)
    if isinstance(expression, Junction):
        word = {"and": "or", "or": "and"}[expression.word] if negative else expression.word
        terms = [_said(term, negative, fields, dialect) for term in expression.terms]
        return dialect.joined(word, terms)
    assert isinstance(expression, Comparison | Membership | Contains | Missing)
    name = expression.field
    kind = fields[name]
    if isinstance(expression, Missing):
        return dialect.missing(name, negative)
    if isinstance(expression, Contains):
        return dialect.holding(name, of_type(expression, expression.value, kind), negative)
    if isinstance(expression, Membership):
        values = [of_type(expression, value, kind) for value in expression.values]
        return dialect.among(name, kind, values, negative)
    operator = OPPOSITE[expression.operator] if negative else expression.operator
    return dialect.compared(name, kind, operator, of_type(expression, expression.value, kind))


def microseconds(value: datetime.datetime) -> int:
    """Return a moment as microseconds since 1970, for stores that have no such type."""
    return (value - EPOCH) // MICROSECOND


def moment(value: int) -> datetime.datetime:
    """Return what `microseconds` was made of, in UTC."""
    return EPOCH + value * MICROSECOND
