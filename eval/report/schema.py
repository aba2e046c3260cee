"""The form of ``results.json``, which ``results.schema.json`` beside this file lays down."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from rarefy.errors import InputError, require

__all__ = ["SCHEMA", "VERSION", "check_results", "read_results"]

SCHEMA = Path(__file__).with_name("results.schema.json")
"""A JSON Schema, draft 7."""

VERSION = 1
"""Of the schema; in each results.json."""

_NAME = "results.json"


def check_results(results: dict[str, Any], name: str = "results") -> None:
    """Check that a results object has the form that the schema lays down.

    Parameters
    ----------
    results
        The results object of a run.
    name
        What errors call it.

    Raises
    ------
    InputError
        If it has not; the message says where and why.
    MissingExtraError
        If fastjsonschema is not installed.
    """
    fastjsonschema: Any = require("fastjsonschema", "eval")
    try:
        _validator()(results)
    except fastjsonschema.JsonSchemaValueException as error:
        problem = error.message.removeprefix("data").removeprefix(".")
        raise InputError(
            f"{name}: {problem}; expected the form of results.schema.json, version {VERSION}: "
            "make the results again with this version of rarefy"
        ) from error


def read_results(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a results object and check it.

    Parameters
    ----------
    path
        A ``results.json``, or the folder of one.

    Raises
    ------
    InputError
        If there is none, or it has not the form of the schema.
    """
    file = Path(path)
    if file.is_dir():
        file = file / _NAME
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"cannot read {file} ({error.strerror}); expected the {_NAME} of rarefy bench or "
            "rarefy eval, or its folder"
        ) from error
    except ValueError as error:
        raise InputError(f"{file} is not JSON ({error}); expected a {_NAME}") from error
    check_results(content, str(file))
    results: dict[str, Any] = content
    return results


@cache
def _validator() -> Callable[[Any], Any]:
    fastjsonschema: Any = require("fastjsonschema", "eval")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    validator: Callable[[Any], Any] = fastjsonschema.compile(schema)
    return validator
