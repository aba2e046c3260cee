"""Names of a package that are imported when they are first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from rarefy.errors import require

__all__ = ["lazy"]


def lazy(
    package: str, homes: Mapping[str, str], extra: str | Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's ``__getattr__`` and ``__dir__``.

    Parameters
    ----------
    package
        Its ``__name__``.
    homes
        Name -> the module that has it, below the package.
    extra
        The extra that installs what these modules need: of all names, or name by name. None where
        they need nothing but what is installed anyhow, or say themselves what is missing.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = f"{package}.{homes[name]}"
        if extra is None:
            return getattr(importlib.import_module(module), name)
        return getattr(require(module, extra if isinstance(extra, str) else extra[name]), name)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return get, names
