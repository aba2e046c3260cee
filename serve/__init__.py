"""An index behind HTTP, with a page to try it.

    request -> connection (head) -> gate (who, how much, how long) -> app (routes) -> rarefy.Search

Needs the extra ``serve``, which is imported when an app is made.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rarefy.errors import require as _require
from rarefy.serve.keys import Keys
from rarefy.serve.limits import Limits

if TYPE_CHECKING:
    from rarefy.serve.app import create_app
    from rarefy.serve.server import run

_HOME = {"create_app": "app", "run": "server"}

__all__ = ["Keys", "Limits", "create_app", "run"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'rarefy.serve' has no attribute {name!r}")
    for module in ("fastapi", "msgspec", "uvicorn", "prometheus_client"):
        _require(module, "serve")
    return getattr(importlib.import_module(f"rarefy.serve.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
