"""Text files of one record a line, plain or gzip-compressed, and the errors that name the line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from rarefy.errors import InputError

__all__ = ["open_text", "read_ids", "read_json_lines", "read_lines"]


def open_text(path: str | Path, mode: str = "r") -> IO[str]:
    """Open a UTF-8 text file, decompressing or compressing it when its name ends in ``.gz``.

    Parameters
    ----------
    path
        The file.
    mode
        ``"r"`` or ``"w"``.

    Raises
    ------
    InputError
        If the file cannot be opened.
    """
    opener = gzip.open if Path(path).suffix == ".gz" else open
    encoding = "utf-8-sig" if mode == "r" else "utf-8"
    newline = None if mode == "r" else "\n"
    try:
        return cast(IO[str], opener(path, mode + "t", encoding=encoding, newline=newline))
    except FileNotFoundError as error:
        missing = "does not exist" if mode == "r" else "cannot be made: no such folder"
        raise InputError(f"{path} {missing}; check the path") from error
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror}") from error


def read_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yield the number, counted from 1, and the text of each line that is not blank.

    Raises
    ------
    InputError
        If the file is missing, is not UTF-8 or is damaged gzip.
    """
    number = 0
    with open_text(path) as handle:
        try:
            for number, line in enumerate(handle, 1):
                if not line.isspace():
                    yield number, line.rstrip("\n")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path}:{number + 1}: not UTF-8 text ({error.reason}); convert the file to UTF-8"
            ) from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(
                f"{path} is not a whole gzip file ({error}); copy or download it again"
            ) from error


def read_ids(path: Path) -> list[str]:
    """Return the ids of a file that has one a line.

    Raises
    ------
    InputError
        If the file is not UTF-8.
    """
    try:
        # not splitlines(), which breaks lines at characters that ids may hold
        return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text ({error.reason}); convert the file to UTF-8"
        ) from error


def read_json_lines(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number and the JSON object of each line that is not blank.

    Raises
    ------
    InputError
        If a line is not one JSON object; the message names the file and the line.
    """
    for number, line in read_lines(path):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{path}:{number}: broken JSON ({error}); expected one JSON object a line"
            ) from error
        if not isinstance(record, dict):
            raise InputError(
                f"{path}:{number}: found a JSON {type(record).__name__}; "
                "expected one JSON object a line"
            )
        yield number, record
