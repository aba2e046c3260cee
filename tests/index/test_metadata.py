"""Metadata is taken as users have it, kept as it was, or refused by field and row."""

from __future__ import annotations

import datetime
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarefy.errors import DamagedIndexError, InputError, InputTypeError
from rarefy.index.metadata import Metadata

UTC = datetime.UTC
PLUS_2 = datetime.timezone(datetime.timedelta(hours=2))
DAY = datetime.date(2020, 1, 1)
NOON = datetime.datetime(2020, 1, 1, 12)


def kept(values):
    """The values of one field as they come back, and its type."""
    metadata = Metadata.of({"field": values}, len(values))
    return [r["field"] for r in metadata.records(range(len(values)))], metadata.types["field"]


@pytest.mark.parametrize(
    ("values", "expected", "kind"),
    [
        ([1, None, -(2**63)], [1, None, -(2**63)], "int"),
        ([1, 2.5, None], [1.0, 2.5, None], "float"),
        ([float("nan"), 1], [None, 1], "int"),
        ([np.int8(3), 2], [3, 2], "int"),
        ([np.float32(0.5), np.float64("nan")], [0.5, None], "float"),
        (["a", None, ""], ["a", None, ""], "str"),
        ([True, np.False_, None], [True, False, None], "bool"),
        ([["a", "b"], (), {"c"}, None], [["a", "b"], [], ["c"], None], "list of str"),
        ([[], []], [[], []], "list of str"),
        (
            [DAY, NOON, datetime.datetime(2020, 1, 1, 12, tzinfo=PLUS_2), None, pd.NaT],
            [datetime.datetime(2020, 1, 1, tzinfo=UTC), NOON.replace(tzinfo=UTC),
             datetime.datetime(2020, 1, 1, 10, tzinfo=UTC), None, None],
            "datetime",
        ),
        (np.array([1, 2], np.uint16), [1, 2], "int"),
        (np.array([0.5, np.nan], np.float32), [0.5, None], "float"),
        (np.array(["a", "b"]), ["a", "b"], "str"),
        (np.array(["2020-01-01"], "M8[ns]"), [datetime.datetime(2020, 1, 1, tzinfo=UTC)],
         "datetime"),
        (np.array([NOON, DAY], object),
         [NOON.replace(tzinfo=UTC), datetime.datetime(2020, 1, 1, tzinfo=UTC)], "datetime"),
        (pd.Series(["a", None]), ["a", None], "str"),
        (pd.Series(["a", "b", "a"], dtype="category"), ["a", "b", "a"], "str"),
        (pd.Series([1, None], dtype="Int64"), [1, None], "int"),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"], "str"),
        (pa.chunked_array([["a"], ["b", None]]), ["a", "b", None], "str"),
        (pa.chunked_array([], pa.int8()), [], "int"),
        (pa.array([float("nan"), None, 1.5]), [None, None, 1.5], "float"),
    ],
)  # fmt: skip
def test_values_come_back(values, expected, kind):
    found, of = kept(values)
    assert (found, of) == (expected, kind)
    assert list(map(type, found)) == list(map(type, expected))


def test_all_forms_are_the_same():
    columns = {"year": [2020, None, 2022], "lang": ["en", "de", None]}
    records = [{"year": 2020, "lang": "en"}, {"lang": "de"}, {"year": 2022, "lang": None}]
    frame = pd.DataFrame({"year": pd.array([2020, None, 2022], "Int64"), "lang": columns["lang"]})
    expected = Metadata.of(columns, 3)
    assert expected.types == {"year": "int", "lang": "str"}
    for form in (records, tuple(records), frame, pa.table(columns)):
        metadata = Metadata.of(form, 3)
        assert metadata.types == expected.types
        assert metadata.records([2, 0, 1]) == expected.records([2, 0, 1])
    assert expected.records([1], ["lang"]) == [{"lang": "de"}]


REFUSED = {
    "a string": ("year", InputTypeError, "metadata must be a dict from field to values"),
    "a number": (3, InputTypeError, "metadata must be a dict from field to values"),
    "too few records": ([{"a": 1}], InputError, "1 records of metadata for 2 documents"),
    "too few values": ({"a": [1]}, InputError, "the field 'a' has 1 values for 2 documents"),
    "one string": ({"a": "xy"}, InputTypeError, "the field 'a' must have a list of 2 values"),
    "an iterator": ({"a": iter("xy")}, InputTypeError, "'a' must have a list of 2 values"),
    "a bad name": ({"a b": [1, 2]}, InputError, "'a b' is no name of a field"),
    "a keyword": ({"in": [1, 2]}, InputError, "'in' is no name of a field"),
    "a number as name": ({3: [1, 2]}, InputTypeError, "a field's name is a str, got 3"),
    "no value": ({"a": [None, None]}, InputTypeError, "'a' has no value, so that its type is"),
    "two types": ({"a": [1, "x"]}, InputTypeError, "has 'x' of type str in row 1; expected int"),
    "bool among int": ({"a": [1, True]}, InputTypeError, "has True of type bool in row 1"),
    "a dict": ({"a": [None, {}]}, InputTypeError, r"has \{\} of type dict in row 1"),
    "a list of int": ({"a": [[1], []]}, InputTypeError, r"has \[1\] of type list in row 0"),
    "a list with None": ({"a": [["x", None], []]}, InputTypeError, "of type list in row 0"),
    "bytes": ({"a": [b"x", None]}, InputTypeError, "has b'x' of type bytes in row 0"),
    "beyond 64 bits": ({"a": [2**63, 1]}, InputTypeError, "the field 'a' cannot be stored"),
    "beyond a float": ({"a": [2**53 + 1, 0.5]}, InputTypeError, "the field 'a' cannot be stored"),
    "uint64": ({"a": np.array([2**63, 1], "u8")}, InputTypeError, "'a' cannot be stored"),
    "a surrogate": ({"a": ["\ud800", "b"]}, InputTypeError, "'a' cannot be stored"),
    "nanoseconds": ({"a": np.array([1, 2], "M8[ns]")}, InputTypeError, "'a' cannot be stored"),
    "Arrow's struct": ({"a": pa.array([{"x": 1}, None])}, InputTypeError, "Arrow's type struct"),
    "two dimensions": ({"a": np.ones((2, 2))}, InputTypeError, "'a' cannot be stored"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_metadata_is_named(case):
    value, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        Metadata.of(value, 2)


def test_types_that_are_known_are_kept():
    types = {"year": "int", "score": "float", "lang": "str"}
    given = {"year": [None, 3], "score": [1, 2], "lang": [None, None], "new": [None, True]}
    metadata = Metadata.of(given, 2, types)
    assert metadata.types == {**types, "new": "bool"}
    assert metadata.records([1]) == [{"year": 3, "score": 2.0, "lang": None, "new": True}]
    assert Metadata.of({"score": np.array([1, 2]), "lang": pa.nulls(2)}, 2, types).types == {
        "score": "float",
        "lang": "str",
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([2.5, None], "'year' has 2.5 of type float in row 0; expected int"),
        ([1, "x"], "'year' has 'x' of type str in row 1; expected int"),
        (np.array([2.5, 1]), "'year' is int in the index, got float values"),
        (np.array(["x", "y"]), "'year' is int in the index, got str values"),
    ],
)
def test_other_types_than_are_known_are_refused(values, message):
    with pytest.raises(InputTypeError, match=message):
        Metadata.of({"year": values}, 2, {"year": "int"})


def test_an_unknown_field_is_named():
    with pytest.raises(InputError, match=r"'b' is no field; the index has a \(int\)"):
        Metadata.of({"a": [1]}, 1).records([0], ["b"])


VALUES = {
    "whole": st.integers(-(2**63), 2**63 - 1),
    "real": st.floats(allow_nan=False),
    "text": st.text(st.characters(exclude_categories=["Cs"])),
    "truth": st.booleans(),
    "moment": st.datetimes(timezones=st.just(UTC)),
    "texts": st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3),
}
RECORD = st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()})
WHOLE = st.fixed_dictionaries(VALUES)


@settings(max_examples=200, deadline=None)
@given(st.lists(RECORD, max_size=8), WHOLE)
def test_values_are_written_and_read_back(records, last):
    records.append(last)
    written = Metadata.of(records, len(records)).to_bytes()
    assert written.dtype == np.uint8
    read = Metadata.from_bytes(written, len(records))
    assert read.records(range(len(records))) == records
    assert (read.to_bytes() == written).all()


def test_metadata_without_fields_is_written_and_read_back():
    assert Metadata.from_bytes(Metadata.of({}, 0).to_bytes(), 0).types == {}
    assert Metadata.of([{}, {}], 2).records([0, 1]) == [{}, {}]


def test_rows_of_several_are_joined():
    first = Metadata.of({"year": [2020, 2021, 2022], "lang": ["en", "de", "fr"]}, 3)
    second = Metadata.of({"year": [2023, None], "tags": [["x"], []]}, 2)
    joined = Metadata.joined(
        [(first, np.array([2, 0])), (None, np.array([5])), (second, np.array([1, 0]))]
    )
    assert joined.types == {"year": "int", "lang": "str", "tags": "list of str"}
    assert joined.records(range(5)) == [
        {"year": 2022, "lang": "fr", "tags": None},
        {"year": 2020, "lang": "en", "tags": None},
        {"year": None, "lang": None, "tags": None},
        {"year": None, "lang": None, "tags": []},
        {"year": 2023, "lang": None, "tags": ["x"]},
    ]
    assert Metadata.from_bytes(joined.to_bytes(), 5).records(range(5)) == joined.records(range(5))
    assert Metadata.joined([(None, np.array([0]))]) is None
    with pytest.raises(InputTypeError, match="the field 'year' is int, and also str"):
        Metadata.joined([(first, np.array([0])), (Metadata.of({"year": ["x"]}, 1), np.array([0]))])


EXAMPLE = Metadata.of({"a": [1, None], "b": ["x", "y"], "c": [["p"], []]}, 2).to_bytes()


def test_metadata_of_another_index_is_refused():
    with pytest.raises(DamagedIndexError, match="metadata has 2 documents"):
        Metadata.from_bytes(EXAMPLE, 3).types  # noqa: B018
    sink = pa.BufferOutputStream()
    table = pa.table({"a": pa.array([1, 2], pa.int8())})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(DamagedIndexError, match="int8"):
        Metadata.from_bytes(np.frombuffer(sink.getvalue(), np.uint8), 2).types  # noqa: B018


def test_damage_is_noticed_or_changes_values_alone():
    """Checksums notice every flipped byte before; this is what is left without them."""
    program = """
import sys
import numpy as np
from rarefy.errors import DamagedIndexError
from rarefy.index.metadata import Metadata

given = np.frombuffer(sys.stdin.buffer.read(), np.uint8)
cases = [given[:length] for length in range(len(given))]
for at in range(len(given)):
    flipped = given.copy()
    flipped[at] ^= 0xFF
    cases.append(flipped)
refused = 0
for case in cases:
    try:
        Metadata.from_bytes(case, 2).records([0, 1])
    except DamagedIndexError:
        refused += 1
print(len(cases), refused)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], input=EXAMPLE.tobytes(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    cases, refused = map(int, done.stdout.split())
    assert cases == 2 * len(EXAMPLE)
    assert refused > len(EXAMPLE)
