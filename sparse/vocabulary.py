"""The columns of a sparse vector, by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rarefy.errors import InputError

__all__ = ["Vocabulary"]

_UNUSED = re.compile(r"\[unused\d+\]")


@dataclass(frozen=True)
class Vocabulary:
    """The terms that the columns of a vector stand for.

    Parameters
    ----------
    terms
        One string a column, in column order.
    special
        Columns that carry no meaning of their own: special tokens such as ``[CLS]``, and
        ``[unused..]`` places.
    """

    terms: Sequence[str] = field(repr=False)
    special: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", tuple(self.terms))

    def __len__(self) -> int:
        return len(self.terms)

    @cached_property
    def columns(self) -> dict[str, int]:
        """Column of each term."""
        return {term: column for column, term in enumerate(self.terms)}

    @classmethod
    def from_ids(
        cls, ids: Mapping[str, int], special: Iterable[int], size: int | None = None
    ) -> Vocabulary:
        """Build a vocabulary from the column of each term.

        Parameters
        ----------
        ids
            Term to column.
        special
            Columns of special tokens; ``[unused..]`` terms and columns without a term join them.
        size
            Number of columns, if that is not one more than the last.
        """
        by_column = {column: term for term, column in ids.items()}
        length = max(by_column, default=-1) + 1 if size is None else size
        terms = [by_column.get(column, f"[unused{column}]") for column in range(length)]
        unused = {column for column, term in enumerate(terms) if _UNUSED.fullmatch(term)}
        return cls(terms, frozenset(unused.union(c for c in special if c < length)))

    @classmethod
    def from_tokenizer(cls, tokenizer: Any, size: int | None = None) -> Vocabulary:
        """Read the vocabulary of a ``transformers`` tokenizer.

        Parameters
        ----------
        tokenizer
            The tokenizer.
        size
            Columns of the model's vocabulary projection, where it is padded beyond the tokenizer.
        """
        return cls.from_ids(tokenizer.get_vocab(), tokenizer.all_special_ids, size)

    def save(self, path: str | Path) -> None:
        """Write the vocabulary as JSON."""
        content = {"terms": self.terms, "special": sorted(self.special)}
        Path(path).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Vocabulary:
        """Read a vocabulary that :meth:`save` wrote.

        Raises
        ------
        InputError
            If the file is not such a vocabulary.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(_strings(content["terms"]), frozenset(content["special"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} is not a vocabulary ({error}): expected what Vocabulary.save writes"
            ) from error


def _strings(terms: Iterable[Any]) -> list[str]:
    strings = list(terms)
    if not all(isinstance(term, str) for term in strings):
        raise TypeError("a term is not a string")
    return strings
