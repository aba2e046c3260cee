"""The text of a filter is read as it is meant, or refused with the place; nothing else happens."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarefy.errors import InputError
from rarefy.index import Expression, field
from rarefy.index.grammar import parse

a, b, c = field("a"), field("b"), field("c")

SAME = {
    "a >= 2020 and b in ('en','de')": (a >= 2020) & b.is_in(["en", "de"]),
    "a == 1 or b == 2 and c == 3": (a == 1) | ((b == 2) & (c == 3)),
    "(a == 1 or b == 2) and c == 3": ((a == 1) | (b == 2)) & (c == 3),
    "a == 1 and (b == 2 and c == 3)": (a == 1) & (b == 2) & (c == 3),
    "not a == 1 and b == 2": ~(a == 1) & (b == 2),
    "not (a == 1 and b == 2)": ~((a == 1) & (b == 2)),
    "not not not a": ~(a == True),  # noqa: E712
    "a": a == True,  # noqa: E712
    "a != true or b == FALSE": (a != True) | (b == False),  # noqa: E712
    "NOT a IN (1, -2.5e3, .5, 1.)": ~a.is_in([1, -2500.0, 0.5, 1.0]),
    "a not in ()": ~a.is_in([]),
    "'x' in a": a.contains("x"),
    "'x' not in a": ~a.contains("x"),
    "a is null or b is not Null": a.is_missing() | ~b.is_missing(),
    "a<1and b>2": (a < 1) & (b > 2),
    " \t\na\u00a0<=\u3000 1 ": a <= 1,
    "a == 'it''s' or a == \"\"\"\"": (a == "it's") | (a == '"'),
    "a == '\n\\' or a == ''": (a == "\n\\") | (a == ""),
    "größe_2 == '日本'": field("größe_2") == "日本",
    "a == -9223372036854775808": a == -(2**63),
}


@pytest.mark.parametrize("text", SAME)
def test_text_says_what_objects_say(text):
    assert parse(text) == SAME[text]
    assert repr(parse(text)) == repr(SAME[text])  # 1 and 1.0 and true are told apart
    assert parse(str(SAME[text])) == SAME[text]


UNREADABLE = {
    "": "ends at character 1; expected a field's name",
    "a >": "ends at character 4; expected a number",
    "a = 3": r"there is = at character 3: write ==",
    "a == 3 b": "has b at character 8; expected 'and', 'or' or the end",
    "a == 'x": "the text that opens at character 6 does not end: close it with '",
    "(a": r"ends at character 3; expected '\)' for the '\(' at character 1",
    "a)": r"has \) at character 2; expected 'and'",
    "a in 3": r"has 3 at character 6; expected '\(' and values",
    "a in (3": "expected ',' or",
    "a in (3,)": r"has \) at character 9; expected a number",
    "a not 3": "has 3 at character 7; expected 'in'",
    "a is 3": "expected 'null' or 'not null'",
    "a == null": "is null finds what is missing",
    "a == b": "has b at character 6; expected a number, text in quotes",
    "3 < a": "has < at character 3; expected 'in' and a field that is a list",
    "3 in 4": "has 4 at character 6; expected the name of a field",
    "in == 3": "has in at character 1; expected a field's name",
    "a == 3 and": "ends at character 11",
    "a == 9223372036854775808": "beyond 64 bits",
    "a == 1e999": "beyond 64 bits",
    "a == " + "9" * 5000: r"has the number 9{40}\.\.\. at character 6",
    "a + b == 3": r"there is '\+' at character 3",
    "a == '\ud800'": r"there is '\\ud800' at character 7",
    "a == 1 \0": r"there is '\\x00' at character 8",
    "(" * 51 + "a" + ")" * 51: "nests over 50 parentheses at character 51",
    "(" * 60_000: "nests over 50 parentheses at character 51",
    "a and (b or " * 40 + "c" + ")" * 40: "nests over 50 conditions",
    "a" * 65_537: "has 65537 characters, at most 65536",
}


@pytest.mark.parametrize("text", UNREADABLE, ids=lambda text: ascii(text[:20]))
def test_what_cannot_be_read_is_named_with_its_place(text):
    with pytest.raises(InputError, match=UNREADABLE[text]):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "not " * 16_000 + "a",
        "a and " * 10_000 + "a",
        "a or b and " * 5_000 + "a",
        f"a in ({', '.join(['1'] * 20_000)})",
        "(" * 25 + "a or b and " * 5_000 + "a" + ")" * 25,
        "'" + "''" * 30_000 + "' in a",
        " " * 65_000 + "a",
    ],
    ids=lambda text: text[:12],
)
def test_long_filters_are_read(text):
    expression = parse(text)
    assert parse(str(expression)) == expression


def read_or_refused(text):
    """Say whether a text is an expression that is written and read again as itself, or refused."""
    try:
        expression = parse(text)
    except InputError as error:
        return "\n" not in str(error)
    again = parse(str(expression))
    return isinstance(expression, Expression) and repr(again) == repr(expression)


@settings(max_examples=500, deadline=None)
@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_read_or_refused(text):
    assert read_or_refused(text)


PIECES = [
    *"()=<>!,'\"-. a019_e+;\\\n\0é日",
    *("==", "!=", "<=", ">=", " and ", " or ", " not ", " in ", " is ", " null ", " true "),
    *("''", "'x'", '"y"', "12", "-3", "1.5", "2e9", "9" * 20, "1e400", "\ud800", "lambda: 0"),
]


def mutated(rng, seeds):
    """Cut, double, move, replace or insert pieces of valid filters."""
    text = rng.choice(seeds)
    for _ in range(rng.randint(1, 6)):
        start, end = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        piece = rng.choice([rng.choice(PIECES), text[start:end], rng.choice(seeds), ""])
        at = rng.choice([start, end])
        text = (text[:start] if rng.random() < 0.5 else text[:at]) + piece + text[at:]
    return text[:2000]


@pytest.mark.parametrize("seed", range(4))
def test_mutations_of_filters_are_read_or_refused(seed):
    rng = random.Random(seed)
    for _ in range(1000):
        text = mutated(rng, list(SAME))
        assert read_or_refused(text), text
