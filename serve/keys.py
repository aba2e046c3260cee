"""API keys: who may read, and who may write too."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self

from rarefy.errors import InputError

__all__ = ["Keys", "Role"]

Role = Literal["read", "write"]

SHORTEST = 16
"""Characters of a key: fewer could be guessed."""


class Keys:
    """The keys of a server, of which digests are kept alone.

    Parameters
    ----------
    entries
        ``"read KEY"`` or ``"write KEY"`` each; who may write may read. Empty ones and those that
        begin with ``#`` are left out.

    Raises
    ------
    InputError
        If an entry is none of these, or a key has less than 16 characters or others than visible
        ASCII; the message does not repeat the key.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._roles: list[tuple[bytes, Role]] = []
        for number, entry in enumerate(entries, 1):
            words = entry.split()
            if not words or words[0].startswith("#"):
                continue
            role, key = words if len(words) == 2 else ("", "")
            if role not in ("read", "write") or len(key) < SHORTEST or not key.isascii():
                raise InputError(
                    f"key {number} cannot be used; expected 'read KEY' or 'write KEY', where KEY "
                    f"has at least {SHORTEST} visible ASCII characters"
                )
            self._roles.append((_digest(key.encode()), "read" if role == "read" else "write"))

    @classmethod
    def read(cls, path: Path | None, text: str = "") -> Self:
        """Read keys from a file with one a line, and from a text that separates them by commas.

        Raises
        ------
        InputError
            If the file cannot be read, or an entry is no key.
        """
        try:
            lines = [] if path is None else path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the keys in {path} cannot be read: {error}") from error
        return cls([*lines, *text.split(",")])

    def role(self, key: bytes) -> Role | None:
        """Return what a key allows; None if there is no such key.

        All keys are compared, in a time that does not depend on them.
        """
        digest = _digest(key)
        found: Role | None = None
        for known, role in self._roles:
            if hmac.compare_digest(known, digest) and found != "write":
                found = role
        return found

    def __len__(self) -> int:
        return len(self._roles)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
