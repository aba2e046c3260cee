"""Runs a page of the documentation: its blocks of Python and, in this process, of commands.

A block of ``python`` or ``sh`` is run, in the order of the page and in one namespace; one without a
language is for reading: what installs, downloads, takes long or never ends.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any
from unittest import mock

BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def run(page: Path) -> dict[str, Any]:
    """Run a page's blocks in the current folder; return the names that its Python leaves."""
    text = page.read_text(encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": page.stem}
    for block in BLOCK.finditer(text):
        # Blank lines before it make a traceback name the line of the page.
        line = text.count("\n", 0, block.start(2))
        if block.group(1) == "python":
            exec(compile("\n" * line + block.group(2), str(page), "exec"), namespace)
        else:
            for command in block.group(2).replace("\\\n", " ").splitlines():
                _command(shlex.split(command, comments=True), f"{page.name}:{line}")
    return namespace


def _command(words: list[str], place: str) -> None:
    from rarefy.cli import main

    if not words:
        return
    assert words[0] == "rarefy", f"{place}: {words[0]} is not run: leave the block's language out"
    with mock.patch.object(sys, "argv", words):
        try:
            main()
        except SystemExit as stop:
            assert not stop.code, f"{place}: {shlex.join(words)} ended with status {stop.code}"
