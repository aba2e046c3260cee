"""Addresses without their passwords, for messages and for what client libraries log."""

from __future__ import annotations

import re
from urllib.parse import unquote

__all__ = ["masked", "parted"]

SECRET = re.compile(r"(//[^:]*):.*@", re.DOTALL)
"""Up to the last @: names and passwords may have any character that nobody quoted."""
OPTION = re.compile(r"(password=)[^&]*", re.IGNORECASE)
LOGIN = re.compile(r"([^:/?#]+://)([^/?#]*)@")


def masked(address: str) -> str:
    """Return an address with ``***`` where it has a password.

    Parameters
    ----------
    address
        Any text, so that one that is no address can be quoted in an error.
    """
    return OPTION.sub(r"\1***", SECRET.sub(r"\1:***@", address))


def parted(address: str) -> tuple[str, str, str]:
    """Take the user and the password out of an address.

    Parameters
    ----------
    address
        A URL, or anything else, which is left as it is.

    Returns
    -------
    tuple of str
        The address without them, the user and the password, empty where there is none.
    """
    found = LOGIN.match(address)
    if found is None:
        return address, "", ""
    user, _, password = found[2].partition(":")
    return found[1] + address[found.end() :], unquote(user), unquote(password)
