"""What a filter selects equals what an obviously right evaluator finds true."""

from __future__ import annotations

import datetime
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarefy.errors import InputError, InputTypeError
from rarefy.index import Expression, field
from rarefy.index.expressions import Comparison
from rarefy.index.grammar import parse
from rarefy.index.metadata import Metadata
from rarefy.index.selection import selected

PLUS_2 = datetime.timezone(datetime.timedelta(hours=2))
MOMENTS = [
    datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    datetime.datetime(2019, 12, 31, 23, 59, 59, 999999, tzinfo=datetime.UTC),
    datetime.datetime(2020, 1, 1, 1, tzinfo=PLUS_2),
    datetime.datetime(1, 1, 1, tzinfo=datetime.UTC),
    datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=datetime.UTC),
]
WORDS = ["", "a", "A", "ab", "é", "日本", "it's", '"', "\0", "a\n", "\U0001f600", "\uffff"]
POOLS = {
    "whole": [0, 1, -1, 2020, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)],
    "real": [0.0, -0.0, 1.0, 1.5, -2.5, 1e300, 5e-324, 2.0**53],
    "text": WORDS,
    "truth": [True, False],
    "moment": MOMENTS,
    "texts": [[], ["a"], ["a", "a"], ["", "日本"], ["ab", "a", "é"]],
}
RECORDS = st.fixed_dictionaries(
    {name: st.none() | st.sampled_from(pool) for name, pool in POOLS.items()}
)


def conditions(name):
    """Comparisons that the type of a field allows."""
    of = field(name)
    missing = st.just(of.is_missing())
    if name == "texts":
        return missing | st.sampled_from(WORDS).map(of.contains)
    values = st.sampled_from(POOLS[name])
    operators = ["==", "!="] if name == "truth" else ["==", "!=", "<", "<=", ">", ">="]
    compared = st.tuples(st.sampled_from(operators), values).map(
        lambda pair: Comparison(name, pair[0], (of == pair[1]).value)
    )
    return missing | compared | st.lists(values, max_size=4).map(of.is_in)


EXPRESSIONS = st.recursive(
    st.one_of(*map(conditions, POOLS)),
    lambda terms: st.one_of(
        terms.map(lambda term: ~term),
        st.tuples(terms, terms).map(lambda pair: pair[0] & pair[1]),
        st.tuples(terms, terms).map(lambda pair: pair[0] | pair[1]),
    ),
    max_leaves=8,
)


def columns(records):
    """The records as metadata, each column of its type even where all is missing."""
    one_of_each = {name: pool[0] for name, pool in POOLS.items()}
    whole = Metadata.of([*records, one_of_each], len(records) + 1)
    cut = {name: column.slice(0, len(records)) for name, column in whole.columns.items()}
    return Metadata(lambda: cut)


@settings(max_examples=300, deadline=None)
@given(st.lists(RECORDS, max_size=12), EXPRESSIONS)
def test_what_is_selected_equals_the_naive_evaluator(naive, records, expression):
    metadata = columns(records)
    expected = [naive.holds(expression, record) is True for record in records]
    found = selected(expression, metadata)
    assert found.dtype == np.bool_
    assert found.tolist() == expected
    assert selected(parse(str(expression)), metadata).tolist() == expected


METADATA = Metadata.of({name: pool[:2] for name, pool in POOLS.items()}, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yeer > 3", r"1, which is not there; the index has whole \(int\), real"),
        ("whole > 1 and yeer > 3", "'yeer' at character 15"),
        ("whole == 2.5", "'whole' at character 1: it is int; expected a whole number"),
        ("whole == 'x'", "it is int; expected a whole number of 64 bits, got 'x'"),
        ("whole == true", "it is int; expected a whole number of 64 bits, got True"),
        ("whole in (1, 'x')", "it is int; expected a whole number of 64 bits, got 'x'"),
        ("whole == 1e30", "it is int; expected a whole number of 64 bits"),
        ("real < 9007199254740993", "expected a number that 64-bit floats hold exactly, got 90"),
        ("real == true", "expected a number"),
        ("text == 3", "it is str; expected text in quotes, got 3"),
        ("truth > false", "it is bool; expected == or !="),
        ("truth == 1", "it is bool; expected true or false, got 1"),
        ("moment > 2020", "it is datetime; expected a moment in ISO 8601"),
        ("moment > '2020-13-01'", "expected a moment in ISO 8601.* got '2020-13-01'"),
        ("moment > '0001-01-01T00:00+14:00'", "expected a moment in ISO 8601"),
        ("texts == 'a'", "it is a list of str; expected 'value' in texts"),
        ("texts in ('a')", "it is a list of str; expected 'value' in texts"),
        ("3 in texts", "it is list of str; expected text in quotes, got 3"),
        ("'a' in text", "it is str, no list; expected a comparison"),
    ],
)
def test_what_does_not_fit_the_field_is_named(text, message):
    with pytest.raises(InputError, match=message):
        selected(parse(text), METADATA)


def test_an_expression_of_no_kind_is_refused():
    with pytest.raises(InputTypeError, match="is no condition"):
        selected(Expression(), METADATA)


@pytest.mark.parametrize("text", ["whole == 2.0", "whole < 2.0e3", "whole in (1.0, 0)"])
def test_whole_numbers_may_be_written_as_floats(text):
    assert selected(parse(text), METADATA).any() == (text != "whole == 2.0")


def test_lists_that_hold_nothing_in_a_slice():
    """An Arrow slice keeps its values: only those within it count."""
    column = Metadata.of({"texts": [["a"], ["b"], None, ["a", "b"], []]}, 5).columns["texts"]
    for start in range(6):
        cut = Metadata(lambda start=start: {"texts": column.slice(start)})
        found = selected(parse("'a' in texts"), cut)
        assert found.tolist() == [True, False, False, True, False][start:]


@pytest.mark.parametrize("seed", range(3))
def test_mutated_filters_select_or_are_refused(seed):
    rng = random.Random(seed)
    words = ["whole", "real", "text", "truth", "moment", "texts", "==", "<", ">=", "!=", "in", "(",
             ")", ",", "is", "null", "not", "and", "or", "1", "2.5", "'a'", "'2020-01-01'",
             "true"]  # fmt: skip
    selections = 0
    for _ in range(3000):
        text = " ".join(rng.choices(words, k=rng.randint(1, 8)))
        try:
            found = selected(parse(text), METADATA)
        except InputError:
            continue
        assert (found.dtype, found.shape) == (np.bool_, (2,))
        selections += 1
    assert selections > 5
