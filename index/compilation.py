"""How kernels are compiled: when they are first called, without the GIL, and kept on disk."""

from __future__ import annotations

import numba

__all__ = ["kernel"]


def _probe() -> None:
    """Stand for the kernels of this folder."""


def _cacheable() -> bool:
    """Return whether compiled code can be kept.

    Numba puts it beside the source, or else in the user's cache folder. Where neither can be
    written it refuses to decorate at all; then each process compiles anew.
    """
    try:
        numba.njit(cache=True)(_probe)
    except RuntimeError:
        return False
    return True


kernel = numba.njit(nogil=True, cache=_cacheable())
"""Decorator of every kernel."""
