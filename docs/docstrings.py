"""Docstrings as the site shows them: no roles of Sphinx, and formulas as they were written."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import griffe

ROLE = re.compile(r"(?<![\w`]):[a-z]+:`~?([^`]+)`")
FORMULA = re.compile(r"^( *)\.\. math::[ ]*(.*)\n((?:[ ]*\n|\1[ ]+\S.*\n)*)", re.MULTILINE)


class Plain(griffe.Extension):
    """Rewrites each docstring before it is parsed."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of one object, if it has one."""
        if obj.docstring is not None:
            obj.docstring.value = plain(obj.docstring.value)


def plain(docstring: str) -> str:
    """Return a docstring in Markdown: roles as code, formulas as blocks of it."""
    return FORMULA.sub(_block, ROLE.sub(r"`\1`", docstring) + "\n").strip()


def _block(found: re.Match[str]) -> str:
    indent, first, rest = found.groups()
    body = "\n".join(part for part in (first, textwrap.dedent(rest).strip()) if part)
    return textwrap.indent(f"```\n{body}\n```\n", indent) + "\n"
