"""Python's documentation: the summary of a docstring -> the rest of it."""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from rarefy.errors import InputError
from rarefy.sparse.training.sources.source import Pair, Source

__all__ = ["docstrings"]

_SUMMARY_WORDS = 3  # the fewest
_BODY_WORDS = (12, 200)  # the fewest, and where the rest is cut
_OWNERS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def docstrings(folders: Iterable[str | Path], *, exclude: Iterable[str] = ()) -> Source:
    """Read the docstrings of Python files, without running them.

    Parameters
    ----------
    folders
        Such as ``site-packages``; each is searched in depth, tests left out.
    exclude
        Names of top-level packages to leave out, such as those that a test collection is made of.

    Returns
    -------
    Source
        Each docstring once that has a summary of at least 3 words and at least 12 words after it.

    Raises
    ------
    InputError
        If a folder is missing.
    """
    roots = [Path(folder) for folder in folders]
    for root in roots:
        if not root.is_dir():
            raise InputError(f"no folder {root}; expected one of Python files")
    left_out = frozenset(exclude)
    return Source(
        name="docstrings",
        licence="each package's own licence",
        origin="docstrings of installed Python packages",
        read=lambda: _read(roots, left_out),
    )


def _read(roots: list[Path], exclude: frozenset[str]) -> Iterator[Pair]:
    seen: set[int] = set()
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).parts
            if parts[0].removesuffix(".py") in exclude or {"test", "tests"} & set(parts):
                continue
            for text in _docstrings_of(path):
                pair = _parted(text)
                if pair and hash(pair) not in seen:
                    seen.add(hash(pair))
                    yield pair


def _docstrings_of(path: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes in the files
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError, RecursionError):
        return  # templates, Python 2, broken links
    for node in ast.walk(tree):
        if isinstance(node, _OWNERS) and (text := ast.get_docstring(node, clean=False)):
            yield inspect.cleandoc(text)


def _parted(docstring: str) -> Pair | None:
    """Split into the first paragraph's first sentence and the prose that follows it."""
    prose = re.split(r"\n(?:Examples?|References)\n-+\n|\n>>> ", docstring)[0]
    prose = " ".join(re.sub(r"^\s*[-=~^]{3,}\s*$", "", prose, flags=re.MULTILINE).split("\n\n", 1))
    prose = " ".join(prose.split())
    found = re.match(r"(.+?\w[.!?])\s+(?=[A-Z])(.*)", prose)
    if found is None:
        return None
    summary, words = found.group(1), found.group(2).split()
    if len(summary.split()) < _SUMMARY_WORDS or len(words) < _BODY_WORDS[0]:
        return None
    return Pair(summary, " ".join(words[: _BODY_WORDS[1]]))
