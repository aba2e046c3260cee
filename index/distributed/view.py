"""One commit of all shards as readers see it; nothing changes in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError
from rarefy.index.distributed.answers import best
from rarefy.index.distributed.asking import ask
from rarefy.index.distributed.commits import Commit
from rarefy.index.distributed.fleet import Fleet
from rarefy.index.expressions import Expression
from rarefy.index.filters import allowed_rows
from rarefy.index.grammar import parse
from rarefy.index.hits import Hits
from rarefy.index.vectors import Vectors

__all__ = ["View"]


class View:
    """What all shards held at one moment, and who answers for it.

    Parameters
    ----------
    fleet
        Serves its shards.
    commit
        What they held.
    """

    def __init__(self, fleet: Fleet, commit: Commit) -> None:
        self.commit = commit
        self._fleet = fleet

    def __len__(self) -> int:
        return len(self.commit.deal)

    def ask(self, method: str, until: float, *arguments: Any) -> list[Any]:
        """Return what a method of `Shard` returns in each shard."""
        every = {entry.name: (entry, *arguments) for entry in self.commit.shards}
        found = ask(self._fleet, method, every, until)
        return [found[entry.name] for entry in self.commit.shards]

    def search(
        self,
        queries: Vectors,
        k: int,
        recall: float | None,
        allowed: Any,
        threads: int,
        until: float,
        *,
        partial: bool,
    ) -> tuple[Hits, list[str]]:
        """Return the best documents, and the shards that did not answer.

        Parameters
        ----------
        queries, k, recall, threads, partial
            As `DistributedIndex.search` has them, checked.
        allowed
            What `allowed` returned.
        until
            The deadline, by `time.monotonic`.
        """
        shards, deal = self.commit.shards, self.commit.deal
        masks = [allowed] * len(shards)
        if isinstance(allowed, np.ndarray):
            masks = [allowed[deal.owners == at] for at in range(len(shards))]
        arguments = {
            entry.name: (entry, queries, k, recall, masks[at], threads)
            for at, entry in enumerate(shards)
            if deal.documents(at)
        }
        found = ask(self._fleet, "search", arguments, until, partial=partial)
        answers = {at: found[each.name] for at, each in enumerate(shards) if each.name in found}
        return best(answers, deal, len(queries), k), sorted(arguments.keys() - found.keys())

    def allowed(self, filter: Any, until: float) -> Any:
        """Return a filter as `search` takes it: None, bool[n], or a condition and all fields.

        Raises
        ------
        InputTypeError, InputError
            As `Index.search` does; some conditions are refused by the shards alone.
        """
        if filter is None:
            return None
        rows: dict[str, int] = {}
        if not isinstance(filter, str | Expression | np.ndarray) and isinstance(filter, Iterable):
            filter = list(filter)
            names = [name for name in filter if isinstance(name, str)]
            rows = dict(zip(names, self.rows_of(names, until).tolist(), strict=True))

        def row_of(name: str) -> int:
            if rows[name] < 0:
                raise self.unknown(name)
            return rows[name]

        if isinstance(filter, str | Expression) and len(self):
            condition = parse(filter) if isinstance(filter, str) else filter
            if not self.commit.fields:
                raise InputError(
                    f"the filter {str(condition)[:80]!r} asks for metadata, and the index has "
                    f"none: build it with metadata=..., or pass a mask or a list of ids"
                )
            return condition, self.commit.fields
        return allowed_rows(filter, len(self), row_of, lambda _: np.zeros(0, np.bool_))

    def mask(self, filter: Any, until: float) -> npt.NDArray[np.bool_]:
        """Return the rows that a filter keeps: bool[n]."""
        allowed = self.allowed(filter, until)
        if allowed is None:
            return np.ones(len(self), np.bool_)
        if isinstance(allowed, np.ndarray):
            return allowed
        return self.commit.deal.joined(self.ask("mask", until, allowed))

    def rows_of(self, names: Sequence[str], until: float) -> npt.NDArray[np.int64]:
        """Return the row of each id, -1 where there is none."""
        rows = np.full(len(names), -1, np.int64)
        for at, local in enumerate(self.ask("rows_of", until, names)):
            rows = np.where(local < 0, rows, self.commit.deal.rows(at, local))
        return rows

    def names(self, until: float) -> list[str]:
        """Return the ids by row."""
        pieces = [np.array([*names, None], object)[:-1] for names in self.ask("names", until)]
        return self.commit.deal.joined(pieces).tolist()

    def records(
        self, names: Iterable[str | None], fields: Sequence[str] | None, until: float
    ) -> list[dict[str, Any]]:
        """Return the metadata of documents by their ids, none for None; see `Index.metadata`."""
        names, known = list(names), self.commit.fields
        wanted = list(known if fields is None else fields)
        for name in wanted:
            if name not in known:
                kinds = ", ".join(f"{name} ({kind})" for name, kind in known.items())
                raise InputError(f"{name!r} is no field; the index has {kinds or 'no metadata'}")
        asked = list(dict.fromkeys(name for name in names if name is not None))
        found: dict[str, dict[str, Any]] = {}
        for records in self.ask("records", until, asked, wanted):
            found |= records
        for name in asked:
            if name not in found:
                raise self.unknown(name)
        empty = dict.fromkeys(wanted)
        return [{} if name is None else {**empty, **found[name]} for name in names]

    def explain(self, query: Any, id: str, until: float) -> list[tuple[int, float]]:
        """Return what each shared term adds to a document's score; see `Index.explain`."""
        for contributions in self.ask("explain", until, query, id):
            if contributions is not None:
                return list(contributions)
        raise self.unknown(id)

    def unknown(self, name: str) -> InputError:
        """Return the error that an id is of no document."""
        return InputError(f"no document has the id {name!r}: the index holds {len(self)} others")
