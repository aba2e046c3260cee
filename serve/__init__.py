"""An index behind HTTP, with a page to try it.

    request -> connection (head) -> gate (who, how much, how long) -> app (routes) -> rarefy.Search

Needs the extra ``serve``, which is imported when an app is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rarefy.lazy import lazy as _lazy
from rarefy.serve.keys import Keys
from rarefy.serve.limits import Limits

if TYPE_CHECKING:
    from rarefy.serve.app import create_app
    from rarefy.serve.server import run

_HOME = {"create_app": "app", "run": "server"}

__all__ = ["Keys", "Limits", "create_app", "run"]

__getattr__, __dir__ = _lazy(__name__, _HOME, "serve")
