"""Texts through an encoder: from the cache where they are in it, else in batches of like length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from rarefy.sparse.cache import VectorCache, text_key
from rarefy.sparse.texts import Advance

__all__ = ["Codec", "encode_in_batches"]

T = TypeVar("T")


class Codec(NamedTuple, Generic[T]):
    """How a vector becomes bytes and back; `unpack` gives None for bytes that it cannot mean."""

    pack: Callable[[T], bytes]
    unpack: Callable[[bytes], T | None]


def encode_in_batches(
    texts: list[str],
    role: str | None,
    encode: Callable[[list[str]], list[T]],
    *,
    cache: VectorCache | None,
    codec: Codec[T],
    batch_size: int,
    advance: Advance,
    key: Callable[[str, str | None], bytes] = text_key,
) -> Iterator[tuple[int, T, bool]]:
    """Encode texts, the longest first so that batches hold little padding and memory peaks early.

    `key` gives what the cache knows a text in a role by.

    Yields
    ------
    position
        Which of the texts.
    vector
        Its vector.
    computed
        Whether it was encoded now, not read from the cache.
    """
    keys = [key(text, role) for text in texts] if cache else []
    known = cache.read(keys) if cache else {}
    missing = []
    for position in range(len(texts)):
        packed = known.pop(keys[position], None) if cache else None
        vector = None if packed is None else codec.unpack(packed)
        if vector is None:
            missing.append(position)
        else:
            yield position, vector, False
    advance(len(texts) - len(missing))
    missing.sort(key=lambda position: -len(texts[position]))
    for start in range(0, len(missing), batch_size):
        batch = missing[start : start + batch_size]
        vectors = encode([texts[position] for position in batch])
        if cache:
            cache.write(
                (keys[position], codec.pack(vector))
                for position, vector in zip(batch, vectors, strict=True)
            )
        for position, vector in zip(batch, vectors, strict=True):
            yield position, vector, True
        advance(len(batch))
