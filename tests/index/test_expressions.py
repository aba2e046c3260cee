"""Filters made in Python: what they say, and what they refuse."""

from __future__ import annotations

import datetime
import functools
import operator

import numpy as np
import pytest

from rarefy.errors import InputError, InputTypeError
from rarefy.index import field
from rarefy.index.expressions import Comparison, Junction, Not

a = field("a")
HOUR = datetime.timezone(datetime.timedelta(hours=1))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime.date(2024, 1, 31), "a < '2024-01-31'"),
        (datetime.datetime(2024, 1, 31, 12), "a < '2024-01-31T12:00:00'"),
        (datetime.datetime(2024, 1, 31, 12, tzinfo=HOUR), "a < '2024-01-31T12:00:00+01:00'"),
        (np.int32(3), "a < 3"),
        (np.float32(0.5), "a < 0.5"),
        (np.str_("x"), "a < 'x'"),
        (1e300, "a < 1e+300"),
    ],
)
def test_values_are_written_as_text(value, text):
    assert str(a < value) == text


def test_conditions_join_without_nesting():
    joined = functools.reduce(operator.and_, [a == i for i in range(1000)])
    assert isinstance(joined, Junction)
    assert (len(joined.terms), joined.depth) == (1000, 2)


def test_a_negation_of_a_negation_is_the_condition():
    assert ~~(a == 1) == (a == 1)
    assert ~(a == 1) == Not(Comparison("a", "==", 1))


def test_trees_are_not_deeper_than_a_stack():
    expression = a == 1
    with pytest.raises(InputError, match="nests over 50 conditions"):
        for _ in range(60):
            expression = ~(expression & (a == 2)) | (a == 3)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: field(3), InputTypeError, "a field's name is a str, got 3"),
        (lambda: field("a b"), InputError, "'a b' is no name of a field"),
        (lambda: field("Null"), InputError, "'Null' is no name of a field"),
        (lambda: field("1a"), InputError, "'1a' is no name of a field"),
        (lambda: a == None, InputTypeError, "use is_missing"),  # noqa: E711
        (lambda: a == [1], InputTypeError, r"\[1\] of type list is no value"),
        (lambda: a == b"x", InputTypeError, "b'x' of type bytes is no value"),
        (lambda: a < float("nan"), InputError, "nan is no value to compare with"),
        (lambda: a < 2**63, InputError, "9223372036854775808 is beyond 64 bits"),
        (lambda: a == "\ud800", InputError, "half a surrogate pair"),
        (lambda: a.is_in("xy"), InputTypeError, "is_in takes several values, got 'xy'"),
        (lambda: a.is_in(3), InputTypeError, "is_in takes several values, got 3"),
        (lambda: a.contains(None), InputTypeError, "None is no value"),
        (lambda: (a > 1) & "b", InputTypeError, "'b' of type str is no condition"),
        (lambda: (a > 1) and (a < 3), InputTypeError, "'a > 1' is true of some documents"),
        (lambda: 1 < a < 3, InputTypeError, "combine conditions by &"),
        (lambda: not (a > 1), InputTypeError, "combine conditions by &"),
    ],
)
def test_what_is_no_condition_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_field_is_no_key():
    with pytest.raises(TypeError, match="unhashable"):
        {a}  # noqa: B018
