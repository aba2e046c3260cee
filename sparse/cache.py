"""Encoded vectors on disk, found again by what was encoded.

One SQLite file an encoder, named by its fingerprint; one row a text and role:
``key`` = SHA-256 of both, ``value`` = the vector's bytes, ``checksum`` = CRC-32 of key and value.
Each batch is one transaction, so a killed run loses at most one batch, and several processes may
fill one file at once. A row whose checksum fails counts as absent and is written again.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from rarefy.errors import InputError

__all__ = ["VectorCache", "cache_folder", "text_key"]

_KEYS_PER_QUERY = 500  # SQLite allows at least 999 parameters a statement
_SECONDS_FOR_LOCK = 60


def cache_folder() -> Path:
    """Return the folder of the caches: ``RAREFY_CACHE``, or else ``~/.cache/rarefy``."""
    return Path(os.environ.get("RAREFY_CACHE") or Path.home() / ".cache" / "rarefy")


def text_key(text: str, role: str | None) -> bytes:
    """Return the key of a text in a role."""
    return hashlib.sha256(f"{role}\0{text}".encode()).digest()


class VectorCache:
    """The cache of one encoder.

    Parameters
    ----------
    fingerprint
        Digest of all that decides the encoder's vectors.
    folder
        Where the file is; by default :func:`cache_folder`.

    Raises
    ------
    InputError
        By every method, if the file cannot be read or written, or is no such cache.
    """

    def __init__(self, fingerprint: str, folder: str | Path | None = None) -> None:
        self.path = Path(folder or cache_folder()) / f"{fingerprint}.sqlite"

    @classmethod
    def chosen(cls, choice: bool | str | Path, fingerprint: str) -> VectorCache | None:
        """Return the cache that an encoder's `cache` argument asks for, if any."""
        if choice is False:
            return None
        return cls(fingerprint, None if choice is True else choice)

    def read(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values that are there, by key."""
        found: dict[bytes, bytes] = {}
        with self._connection() as connection:
            for start in range(0, len(keys), _KEYS_PER_QUERY):
                part = keys[start : start + _KEYS_PER_QUERY]
                rows = connection.execute(
                    "SELECT key, value, checksum FROM vectors "
                    f"WHERE key IN ({','.join('?' * len(part))})",
                    part,
                )
                found.update(
                    {key: value for key, value, check in rows if check == _check(key, value)}
                )
        return found

    def write(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Store values by key, all or none."""
        rows = [(key, value, _check(key, value)) for key, value in items]
        with self._connection() as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=_SECONDS_FOR_LOCK)) as connection:
                # Not WAL: to turn it on fails at once while another process has the file open.
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS vectors "
                    "(key BLOB PRIMARY KEY, value BLOB NOT NULL, checksum INTEGER NOT NULL) "
                    "WITHOUT ROWID"
                )
                yield connection
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"the cache {self.path} cannot be used ({error}): delete it, name another folder "
                "in RAREFY_CACHE, or encode with cache=False"
            ) from error


def _check(key: bytes, value: bytes) -> int:
    return zlib.crc32(value, zlib.crc32(key))
