"""The text of a filter, read into an expression; nothing of it is ever evaluated as Python.

    filter      := conjunction ('or' conjunction)*
    conjunction := negation ('and' negation)*
    negation    := 'not'* ( '(' filter ')' | condition )
    condition   := NAME                                     a field that is true or false
                 | NAME ('==' | '!=' | '<' | '<=' | '>' | '>=') VALUE
                 | NAME 'not'? 'in' '(' (VALUE (',' VALUE)*)? ')'
                 | NAME 'is' 'not'? 'null'
                 | VALUE 'not'? 'in' NAME                   a field that is a list
    VALUE       := a number, true, false, or text in ' or ", where a quote within is doubled

Words are read in any case. A moment is a text in ISO 8601.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from rarefy.errors import InputError
from rarefy.index.expressions import (
    KEYWORDS,
    MOST_NESTED,
    NAME,
    OPERATORS,
    Comparison,
    Contains,
    Expression,
    Junction,
    Membership,
    Missing,
    Value,
)

__all__ = ["parse"]

MOST_CHARACTERS = 65_536
SHOWN = 40
"""Characters of a text that an error repeats."""
TOKEN = re.compile(
    r"""(?P<number>-?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)
      | (?P<text>'(?:[^']|'')*+'|"(?:[^"]|"")*+")
      | (?P<name>"""
    + NAME.pattern
    + r""")
      | (?P<symbol>"""
    + "|".join(OPERATORS)
    + r"""|[(),])""",
    re.VERBOSE,
)
SPACE = re.compile(r"\s*+")


class Token(NamedTuple):
    """A piece of the text.

    Attributes
    ----------
    kind : str
        number, text, name, end, or what a keyword or a symbol is itself.
    text : str
        As written.
    at : int
        Where it starts, from 0.
    """

    kind: str
    text: str
    at: int


def parse(text: str) -> Expression:
    """Read a filter, such as ``year >= 2020 and lang in ('en', 'de')``.

    Parameters
    ----------
    text
        At most 65,536 characters, of which parentheses nest at most 50 deep.

    Raises
    ------
    InputError
        If it is no filter; the message names the place and what was expected there.
    """
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"the filter has {len(text)} characters, at most {MOST_CHARACTERS} are read: "
            f"pass a mask or ids for long lists"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _unreadable(text, error.start) from None
    return _Parser(_tokens(text)).filter()


def _tokens(text: str) -> list[Token]:
    tokens = []
    at = _skip(text, 0)
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise _unreadable(text, at)
        kind, found = str(match.lastgroup), match.group()
        if kind == "symbol" or found.lower() in KEYWORDS:
            kind = found.lower()
        tokens.append(Token(kind, found, at))
        at = _skip(text, match.end())
    return [*tokens, Token("end", "", at)]


def _skip(text: str, at: int) -> int:
    space = SPACE.match(text, at)
    return space.end() if space else at


def _unreadable(text: str, at: int) -> InputError:
    mark = text[at]
    if mark in "'\"":
        problem = f"the text that opens at character {at + 1} does not end: close it with {mark}"
    elif mark == "=":
        problem = f"there is = at character {at + 1}: write == to compare"
    else:
        problem = f"there is {mark!r} at character {at + 1}, which no filter has: leave it out"
    return InputError(f"the filter cannot be read: {problem}")


class _Parser:
    """Reads tokens from left to right, a method for each rule of the grammar."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.next = 0
        self.nested = 0

    def filter(self) -> Expression:
        found = self.junction("or")
        self.take("end", expected="'and', 'or' or the end")
        return found

    def junction(self, word: str) -> Expression:
        """Read conditions joined by `word`; 'and' binds closer than 'or'."""
        terms = []
        while True:
            terms.append(self.junction("and") if word == "or" else self.negation())
            if not self.skip(word):
                break
        if len(terms) == 1:
            return terms[0]
        flat: list[Expression] = []
        for term in terms:
            same = isinstance(term, Junction) and term.word == word
            flat += term.terms if same and isinstance(term, Junction) else [term]
        return Junction(word, tuple(flat))

    def negation(self) -> Expression:
        negative = False
        while self.skip("not"):
            negative = not negative
        opened = self.tokens[self.next]
        if self.skip("("):
            self.nested += 1
            if self.nested > MOST_NESTED:
                raise InputError(
                    f"the filter nests over {MOST_NESTED} parentheses at character "
                    f"{opened.at + 1}: simplify it"
                )
            found = self.junction("or")
            self.take(")", expected=f"')' for the '(' at character {opened.at + 1}")
            self.nested -= 1
        else:
            found = self.condition()
        return ~found if negative else found

    def condition(self) -> Expression:
        token = self.tokens[self.next]
        if token.kind in ("number", "text", "true", "false"):
            return self.containment()
        name = self.take("name", expected="a field's name, a value, 'not' or '('").text
        following = self.tokens[self.next].kind
        if following in OPERATORS:
            self.next += 1
            return Comparison(name, following, self.value(), token.at)
        if self.skip("is"):
            negative = self.skip("not")
            self.take("null", expected="'null' or 'not null'")
            missing = Missing(name, token.at)
            return ~missing if negative else missing
        if following in ("in", "not"):
            negative = self.skip("not")
            self.take("in", expected="'in'")
            among = Membership(name, self.values(), token.at)
            return ~among if negative else among
        return Comparison(name, "==", True, token.at)

    def containment(self) -> Expression:
        at = self.tokens[self.next].at
        value = self.value()
        negative = self.skip("not")
        self.take("in", expected="'in' and a field that is a list (other fields come first)")
        name = self.take("name", expected="the name of a field that is a list").text
        holds = Contains(name, value, at)
        return ~holds if negative else holds

    def values(self) -> tuple[Value, ...]:
        self.take("(", expected="'(' and values")
        if self.skip(")"):
            return ()
        values = [self.value()]
        while self.skip(","):
            values.append(self.value())
        self.take(")", expected="',' or ')'")
        return tuple(values)

    def value(self) -> Value:
        token = self.tokens[self.next]
        if token.kind not in ("number", "text", "true", "false"):
            hint = " (is null finds what is missing)" if token.kind == "null" else ""
            raise self.unexpected("a number, text in quotes, true or false" + hint)
        self.next += 1
        if token.kind == "text":
            quote = token.text[0]
            return token.text[1:-1].replace(2 * quote, quote)
        if token.kind != "number":
            return token.kind == "true"
        if not token.text.lstrip("-").isdigit():
            number = float(token.text)
            if math.isfinite(number):
                return number
        elif len(token.text) <= 2 * SHOWN and -(2**63) <= int(token.text) < 2**63:
            return int(token.text)
        raise InputError(
            f"the filter has the number {_shown(token.text)} at character {token.at + 1}, which is "
            f"beyond 64 bits: use a smaller one"
        )

    def skip(self, kind: str) -> bool:
        """Pass over a token if it is of this kind."""
        found = self.tokens[self.next].kind == kind
        self.next += found
        return found

    def take(self, kind: str, *, expected: str) -> Token:
        token = self.tokens[self.next]
        if not self.skip(kind):
            raise self.unexpected(expected)
        return token

    def unexpected(self, expected: str) -> InputError:
        token = self.tokens[self.next]
        found = "ends" if token.kind == "end" else f"has {_shown(token.text)}"
        return InputError(f"the filter {found} at character {token.at + 1}; expected {expected}")


def _shown(text: str) -> str:
    short = text if len(text) <= SHOWN else text[:SHOWN] + "..."
    return short if short.isprintable() else repr(short)
