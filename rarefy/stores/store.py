"""What every store can do, and what it knows of its documents."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError, StoreError
from rarefy.index import Documents
from rarefy.index.columns import TYPES
from rarefy.index.expressions import Field
from rarefy.index.vectors import MAX_COLUMNS

__all__ = ["CONNECTING", "Found", "Schema", "VectorStore", "asking"]

VERSION = 1
CONNECTING = 10.0
"""Seconds that a server has to accept a connection, however long its answers may take."""


class Found(NamedTuple):
    """The best documents of m queries, k places each.

    Ordered by score descending; the order of equal scores is the store's.

    Attributes
    ----------
    ids : object[m, k]
        str, None where fewer than k documents share a term with the query.
    scores : float32[m, k]
        What the store computed; -inf where there is no document.
    """

    ids: npt.NDArray[np.object_]
    scores: npt.NDArray[np.float32]

    @classmethod
    def of(cls, answers: Sequence[Sequence[tuple[str, float]]], k: int) -> Found:
        """Take (id, score) pairs, best first, without those that share no term."""
        ids = np.full((len(answers), k), None, object)
        scores = np.full((len(answers), k), -np.inf, np.float32)
        for i, answer in enumerate(answers):
            kept = [(name, score) for name, score in answer if score > 0]
            for j, (name, score) in enumerate(kept):
                ids[i, j], scores[i, j] = name, score
        return cls(ids, scores)


@dataclass(frozen=True)
class Schema:
    """What all documents of a collection have in common; the store keeps it with them.

    Attributes
    ----------
    vocabulary_size : int
        How many columns vectors have.
    fields : dict of str to str
        The fields of the metadata and their types, as `Index.fields`.
    fingerprint : str or None
        Of the model that made the vectors; None where it is not known.
    """

    vocabulary_size: int
    fields: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str | None = None

    def to_json(self) -> str:
        """Return what `from_json` reads."""
        record = {
            "rarefy": VERSION,
            "vocabulary_size": self.vocabulary_size,
            "fields": dict(self.fields),
            "fingerprint": self.fingerprint,
        }
        return json.dumps(record, ensure_ascii=False)

    def restored(
        self, stored: Mapping[str, Any], moment: Callable[[Any], datetime.datetime]
    ) -> dict[str, Any]:
        """Return the values of a document's fields, of their types; None where one is missing.

        Parameters
        ----------
        stored
            What a store keeps of them, as JSON has it.
        moment
            Reads the form in which it keeps moments.
        """
        read: dict[str, Callable[[Any], Any]] = {"datetime": moment, "float": float}
        values: dict[str, Any] = {}
        for name, kind in self.fields.items():
            value = stored.get(name)
            values[name] = read[kind](value) if value is not None and kind in read else value
        return values

    def check_finite(self, documents: Documents, where: str) -> None:
        """Refuse documents with an infinite number, for stores that keep JSON, which has none.

        Raises
        ------
        InputError
            If a document has one.
        """
        names = [name for name, kind in self.fields.items() if kind == "float"]
        for name, values in zip(documents.ids, documents.metadata, strict=True):
            for of in names:
                value = values.get(of)
                if value is not None and not math.isfinite(value):
                    raise InputError(
                        f"{where}: the document {name[:80]!r} has {of} = {value}, which this store "
                        f"cannot hold: use a finite number, or leave it out"
                    )

    @classmethod
    def from_json(cls, text: str | None, where: str) -> Schema:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text
            What a store keeps beside its documents.
        where
            The collection, for the error to name.

        Raises
        ------
        InputError
            If it is something else: the collection was made by others.
        """
        try:
            record = json.loads(text or "")
            found = cls(record["vocabulary_size"], record["fields"], record["fingerprint"])
            sound = (
                record["rarefy"] == VERSION
                and isinstance(found.vocabulary_size, int)
                and 0 < found.vocabulary_size <= MAX_COLUMNS
                and all(Field(name) and kind in TYPES for name, kind in found.fields.items())
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            sound = False
        if not sound:
            raise InputError(
                f"{where} was not made by rarefy, or by another version of it: its description is "
                f"{str(text)[:80]!r}; name another collection"
            )
        return found

    def check_same(self, other: Schema, where: str) -> None:
        """Refuse documents of another schema than a collection has.

        Raises
        ------
        InputError
            If the vocabulary, the fields or the models differ.
        """
        for name, mine, theirs in (
            ("columns in its vectors", self.vocabulary_size, other.vocabulary_size),
            ("fields", dict(self.fields), dict(other.fields)),
            ("vectors of the model", self.fingerprint, other.fingerprint),
        ):
            if mine != theirs:
                raise InputError(
                    f"{where} has {name}: {theirs}; expected {mine}: name another collection, or "
                    f"delete that one first"
                )


class VectorStore(Protocol):
    """A collection of documents in somebody else's database.

    Methods raise StoreError if the store cannot be reached or refuses, and InputError for what it
    cannot hold or be asked; both name the collection.
    """

    def create(self, schema: Schema) -> None:
        """Make the collection; nothing happens if it is there with the same schema."""

    def schema(self) -> Schema:
        """Return what the collection was made with."""

    def upsert(self, documents: Documents) -> None:
        """Add documents; those whose ids are there already are replaced."""

    def delete(self, ids: Sequence[str]) -> None:
        """Delete documents; ids that are not there are no error."""

    def search(self, queries: Any, k: int = 10, *, filter: Any = None) -> Found:
        """Return the k documents with the highest dot product for each query.

        Parameters
        ----------
        queries
            scipy sparse matrix [m, vocabulary].
        k
            How many documents, at least 1.
        filter
            A condition on the metadata, as `Index.search` takes it: text, or made of `field`.
        """

    def count(self) -> int:
        """Return how many documents there are."""

    def documents(self, size: int = 1000) -> Iterator[Documents]:
        """Read all documents in an order of the store's, `size` at a time."""

    def drop(self) -> None:
        """Delete the collection; nothing happens if there is none."""

    def close(self) -> None:
        """End the connection."""


@contextmanager
def asking(where: str, *errors: type[Exception]) -> Iterator[None]:
    """Turn the errors of a client library into ours.

    Parameters
    ----------
    where
        The collection.
    errors
        What the library raises.

    Raises
    ------
    StoreError
        In place of these.
    """
    try:
        yield
    except errors as error:
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise StoreError(
            f"{where} cannot be reached, or refuses: {said}: check the address, the server's state "
            f"and what its limits are"
        ) from error
