"""Files go as soon as a commit has replaced them, so that what removes them is proved too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rarefy.index.storage import manifest

__all__ = ["swept_at_once"]


@contextmanager
def swept_at_once() -> Iterator[None]:
    """Let no file wait for copies of its folder."""
    before = manifest.COPY_SECONDS, manifest.COPY_SPEED
    manifest.COPY_SECONDS, manifest.COPY_SPEED = 0.0, float("inf")
    try:
        yield
    finally:
        manifest.COPY_SECONDS, manifest.COPY_SPEED = before
