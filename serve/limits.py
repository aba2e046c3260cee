"""How much one request, and all of them together, may ask for."""

from __future__ import annotations

from dataclasses import dataclass, fields

from rarefy.errors import InputError

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """What a server accepts; what goes beyond gets an answer of 4xx that names the limit.

    Attributes
    ----------
    body_bytes : int
        Bytes of a body; 413 beyond.
    body_seconds : float
        Seconds until a body has arrived; 408 beyond.
    head_seconds : float
        Seconds until a request's head has arrived; the connection is closed then.
    k : int
        Documents that a search returns; 422 beyond, as for all that follow but the last five.
    queries : int
        Queries of a batch.
    documents : int
        Documents or ids of a change.
    fields : int
        Fields that the documents of the index have, all together: each takes room in all of them.
    text_characters : int
        Characters of a query.
    picture_characters : int
        Characters of a picture, as a data URL.
    vector_entries : int
        Weights of a vector.
    filter_characters : int
        Characters of a filter, whose parentheses nest 50 deep at most.
    read_seconds : float
        Seconds that a search takes; 408 beyond.
    write_seconds : float
        Seconds that a change takes; 408 beyond, and it may still be made.
    concurrent : int
        Requests at once; 429 beyond.
    requests_per_second : float
        Requests of a key, or without keys of an address, in the mean; 429 beyond. 0 for no limit.
    burst : int
        Requests that may come at once within that rate.
    """

    body_bytes: int = 8 * 2**20
    body_seconds: float = 10.0
    head_seconds: float = 10.0
    k: int = 1000
    queries: int = 256
    documents: int = 10_000
    fields: int = 1000
    text_characters: int = 10_000
    picture_characters: int = 4 * 2**20
    vector_entries: int = 10_000
    filter_characters: int = 10_000
    read_seconds: float = 10.0
    write_seconds: float = 300.0
    concurrent: int = 256
    requests_per_second: float = 0.0
    burst: int = 100

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0 and field.name != "requests_per_second":
                raise InputError(f"the limit {field.name} is {value}; expected more than 0")
        if not self.requests_per_second >= 0:
            raise InputError(
                f"the limit requests_per_second is {self.requests_per_second}; expected 0 or more"
            )
