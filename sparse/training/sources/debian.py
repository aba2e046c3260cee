"""Debian: the short description of a package -> the long one."""

from __future__ import annotations

import gzip
import lzma
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rarefy.errors import InputError
from rarefy.sparse.training.sources.source import Pair, Source

__all__ = ["debian_descriptions", "opened"]

_APT_HELPER = "/usr/lib/apt/apt-helper"  # what unpacks lz4 wherever apt has made such files
_OPENINGS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open}
_WORDS = 8  # the fewest of a long description


def debian_descriptions(paths: Iterable[str | Path]) -> Source:
    """Read the descriptions that apt keeps.

    Parameters
    ----------
    paths
        ``Translation-en`` files of ``apt-get update -o Acquire::Languages=en``, as text, ``.gz``,
        ``.xz`` or ``.lz4``; or ``/var/lib/dpkg/status``, which has the installed packages alone.

    Returns
    -------
    Source
        Each long description once, if it has at least 8 words.

    Raises
    ------
    InputError
        If there is no file.
    """
    files = [Path(path) for path in paths]
    for path in files:
        if not path.is_file():
            raise InputError(f"no file {path}; expected Debian's Translation-en or dpkg's status")
    if not files:
        raise InputError(
            "no files of Debian's descriptions; "
            "apt-get update -o Acquire::Languages=en writes them to /var/lib/apt/lists"
        )
    return Source(
        name="debian",
        licence="each package's own free licence (Debian Free Software Guidelines)",
        origin="descriptions of Debian's packages",
        read=lambda: _read(files),
    )


def _read(files: list[Path]) -> Iterator[Pair]:
    seen: set[int] = set()
    for path in files:
        with opened(path) as lines:
            short = ""
            long: list[str] = []
            for line in (*lines, "\n"):
                if found := re.match(r"Description(?:-en)?: (.*)", line):
                    short = found.group(1).strip()
                elif short and line.startswith(" "):
                    long.append("" if line.strip() == "." else line.strip())
                elif short:  # the description ends where another field, or the paragraph does
                    text = " ".join(" ".join(long).split())
                    if text.count(" ") >= _WORDS - 1 and hash(text) not in seen:
                        seen.add(hash(text))
                        yield Pair(short, text)
                    short, long = "", []


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """Open a file of apt's, packed or not, as lines of text.

    Raises
    ------
    InputError
        If it cannot be unpacked.
    """
    if path.suffix != ".lz4":
        opening: Callable[..., IO[str]] = _OPENINGS.get(path.suffix, open)
        with opening(path, "rt", encoding="utf-8", errors="replace") as lines:
            yield lines
        return
    try:
        process = subprocess.Popen(
            [_APT_HELPER, "cat-file", str(path)],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise InputError(f"{path} needs {_APT_HELPER} to be unpacked ({error})") from error
    with process:
        assert process.stdout is not None
        yield process.stdout
    if process.returncode > 0:
        raise InputError(f"{path} cannot be unpacked; expected a file of apt's lists")
