"""What encodes the texts of a folder, as the folder says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

import numpy as np

import rarefy
from rarefy.errors import InputError
from rarefy.index import Hits, Index, Writer
from rarefy.origin import Origin
from rarefy.search.modes import HYBRID, ONLY, mixed, ranked

if TYPE_CHECKING:
    from rarefy.sparse import TermModel
    from rarefy.sparse.joined import Joined
    from rarefy.sparse.model import Role
    from rarefy.sparse.towers import Towers

__all__ = ["Encoder"]


class Encoder:
    """The model of an index, for several threads, which take turns: tokenizers are for one.

    Parameters
    ----------
    folder
        The folder of the index.
    model
        What encodes; None if it is not known.
    terms
        One name a column; None if columns have none.
    """

    def __init__(self, folder: Path, model: TermModel | None, terms: Sequence[str] | None) -> None:
        self.folder = folder
        self.model = model
        self.terms = terms
        self._turn = Lock()

    @classmethod
    def of_new(cls, folder: Path, given: str | Path | TermModel) -> Self:
        """Make an index that has no documents, and say in its folder what encodes them."""
        model = _loaded(given)
        with Writer(folder, vocabulary_size=model.vocabulary_size):
            pass
        return cls._recorded(folder, model, given)

    @classmethod
    def of(cls, folder: Path, given: str | Path | TermModel | None, index: Index) -> Self:
        """Return what made an index, or what was given if that is not known.

        Parameters
        ----------
        folder, index
            The index.
        given
            A model, what `rarefy.load` takes, or None for the model that made the index.

        Raises
        ------
        InputError
            If the index was made by another model than the one given.
        """
        origin, width = None, index.vocabulary_size
        if Origin.has_terms(folder):
            origin = Origin.open(folder, width=width)
        known = origin is not None and origin.model is not None
        if given is None:
            model = origin.load(cache=False) if origin is not None and known else None
            return cls(folder, model, None if origin is None else origin.terms)
        if origin is not None and origin.model == str(given):
            model = origin.load(cache=False)
        else:
            model = _loaded(given)
        if origin is not None and known and model.fingerprint != origin.fingerprint:
            raise InputError(
                f"{folder} was made by {origin.model} ({origin.fingerprint}), the model given is "
                f"{model.name} ({model.fingerprint}): leave the model out"
            )
        if model.vocabulary_size != width:
            raise InputError(
                f"{model.name} gives vectors of {model.vocabulary_size} columns, {folder} has "
                f"{width}: name the model that made the index"
            )
        if not known and not len(index):  # `of_new` may have ended before this was written
            return cls._recorded(folder, model, given)
        return cls(folder, model, model.vocabulary.terms)

    @classmethod
    def _recorded(cls, folder: Path, model: TermModel, given: str | Path | TermModel) -> Self:
        name = str(given) if isinstance(given, str | Path) else model.name
        origin = Origin.of(model, name, folder)
        origin.save(folder)
        return cls(folder, model, origin.terms)

    @property
    def modes(self) -> tuple[str, ...]:
        """What queries can be compared by, or the towers that read them; the default first."""
        joined, towers = self._joined, self._towers
        if towers is not None:
            return tuple(dict.fromkeys((towers.roles["query"], *towers.towers)))
        return (ONLY,) if joined is None else (*joined.parts, HYBRID)

    def reader(self, mode: str | None) -> TermModel | None:
        """Return what reads the queries of a mode: a tower, or the model; None if none is known.

        Raises
        ------
        InputError
            If there is no such tower.
        """
        towers = self._towers
        return self.model if towers is None else towers[mode or self.modes[0]]

    @property
    def named_columns(self) -> int | None:
        """How many columns mean something of their own, from the first; None for all."""
        return None if self._joined is None else self._joined.named_columns

    def encode(self, texts: list[str], role: Role, mode: str | None = None) -> Any:
        """Return the vectors of texts, scipy CSR float32 [n, vocabulary], in all their parts.

        Raises
        ------
        InputError
            If no model is known, or no tower of that mode that is to read queries.
        """
        model = self.model
        if model is None:
            raise InputError(
                f"{self.folder} was built from vectors alone, so no model is known that encodes a "
                f"text: pass model=..., or vectors"
            )
        with self._turn:
            if role == "document":
                return model.encode_documents(texts)
            if self._towers is not None:
                return self._towers[mode or self.modes[0]].encode_queries(texts)
            joined = self._joined
            return model.encode_queries(texts) if joined is None else joined.encode_parts(texts)

    def search(
        self,
        index: Index,
        queries: Any,
        k: int,
        *,
        mode: str | None,
        weights: Mapping[str, float] | None = None,
        **options: Any,
    ) -> tuple[Any, Hits]:
        """Return what was searched for, scipy CSR [m, vocabulary], and what was found.

        Parameters
        ----------
        index
            What is searched.
        queries
            Vectors, in all their parts.
        k, options
            As `Index.search` takes them.
        mode, weights
            As `Options` has them.

        Raises
        ------
        InputError, InputTypeError
            As `Index.search` does, or if there is no such mode, or the weights are none.
        """
        rows, shift = self.mixed(index, queries, mode, weights)
        if self._joined is None or mode is None:
            found = index.search(rows, k, **options)
        else:
            found = ranked(index, self._joined, rows, k, mode, **options)
        if np.any(shift):
            found = found._replace(scores=(found.scores - shift[:, None]).astype(np.float32))
        return rows, found

    def mixed(
        self, index: Index, queries: Any, mode: str | None, weights: Mapping[str, float] | None
    ) -> tuple[Any, Any]:
        """Return queries as the index takes them, and what is to be taken off their scores.

        Raises
        ------
        InputError, InputTypeError
            If there is no such mode, or the weights are none.
        """
        joined = self._joined
        if joined is None and (mode not in (None, *self.modes) or weights is not None):
            listed = ", ".join(map(repr, self.modes))
            raise InputError(
                f"mode is {mode!r} with the weights {weights}; this index has the mode {listed} "
                f"alone: name a model such as minilm-d2s+bm25 when it is made"
            )
        if joined is not None and mode is not None:
            return mixed(index, joined, queries, mode, weights)
        if weights is not None:
            raise InputError(f"weights are for the mode {HYBRID!r}, and mode is {mode!r}")
        return queries, 0.0

    @property
    def _joined(self) -> Joined | None:
        model: Any = self.model
        return model if hasattr(model, "encode_parts") else None

    @property
    def _towers(self) -> Towers | None:
        model: Any = self.model
        return model if hasattr(model, "towers") else None

    def spans(self, text: str) -> Sequence[tuple[int, int, int]]:
        """Return where a text has terms; see `TermModel.spans`."""
        if self.model is None:
            return []
        with self._turn:
            return self.model.spans(text)


def _loaded(given: str | Path | TermModel) -> TermModel:
    return rarefy.load(given, cache=False) if isinstance(given, str | Path) else given
