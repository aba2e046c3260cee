"""What made the vectors of a folder: their terms and their model, so that queries match them.

A folder of vectors and the folder of an index both hold ``terms.json`` (a list of terms, one for
each column) and, where a model made the vectors, ``model.json``: what loads it, and its
fingerprint. What a model took from its documents is stored there too: BM25 as a whole, in
``model/``, of others the statistics alone, in ``statistics.npz``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

import rarefy
from rarefy.errors import InputError
from rarefy.files import replaced
from rarefy.sparse.registry import NAMES, split_name

if TYPE_CHECKING:
    from rarefy.sparse import TermModel

__all__ = ["Origin"]

_TERMS, _RECORD, _FITTED = "terms.json", "model.json", "model"
_STATISTICS = "statistics.npz"


@dataclass(frozen=True)
class Origin:
    """What made some vectors.

    Parameters
    ----------
    home
        The folder in which what was fitted is stored.
    terms
        One name for each column.
    model
        What `rarefy.load` takes, or ``"bm25"`` for the fitted one; None where it is not known.
    fingerprint
        The model's, hexadecimal; None where it is not known.
    """

    home: Path
    terms: Sequence[str]
    model: str | None = None
    fingerprint: str | None = None

    @classmethod
    def of(cls, model: TermModel, name: str, home: Path) -> Origin:
        """Describe vectors that `model` made, which was loaded by `name`.

        What the model took from a collection is written to `home`.
        """
        first, others = split_name(name)
        if first not in NAMES and cls.is_at(Path(name)):
            name = cls.open(Path(name)).model or name
            first, others = split_name(name)
        if rarefy.BM25.is_saved_at(Path(name)):
            name = "bm25"
        if name == "bm25":
            model.save(home / _FITTED)
        elif first not in NAMES and Path(first).is_dir():
            name = "+".join([str(Path(first).resolve()), *others])
        restored: Any = model if _restores(model) else None
        statistics: dict[str, Any] = {} if restored is None else restored.statistics()
        if statistics:
            with replaced(home / _STATISTICS) as stream:
                np.savez_compressed(stream, **statistics)
        else:
            (home / _STATISTICS).unlink(missing_ok=True)
        return cls(home, model.vocabulary.terms, name, model.fingerprint)

    @staticmethod
    def is_at(folder: Path) -> bool:
        """Whether the folder says what made its vectors."""
        return (folder / _RECORD).is_file()

    @staticmethod
    def has_terms(folder: Path) -> bool:
        """Whether the folder names its columns, whatever made them."""
        return (folder / _TERMS).is_file()

    @classmethod
    def open(
        cls, home: Path, terms: Sequence[str] | None = None, *, width: int | None = None
    ) -> Origin:
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        home
            The folder.
        terms
            The names of the columns, where they are known already.
        width
            How many columns the vectors have, where that is known.

        Raises
        ------
        InputError
            If it is missing or damaged, or names more or fewer columns than there are.
        """
        record = {}
        try:
            if terms is None:
                terms = list(map(str, json.loads((home / _TERMS).read_text(encoding="utf-8"))))
            if (home / _RECORD).exists():
                record = json.loads((home / _RECORD).read_text(encoding="utf-8"))
                record = {name: str(record[name]) for name in ("model", "fingerprint")}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{home} does not say what made its vectors ({error!r}); expected {_TERMS} and "
                f"{_RECORD} as rarefy encode and rarefy index write them: make it again"
            ) from error
        if width is not None and len(terms) != width:
            raise InputError(
                f"{home / _TERMS} has {len(terms)} terms, and the vectors have {width} columns: it "
                f"is of another index; build this one again"
            )
        return cls(home, terms, **record)

    def save(self, folder: Path) -> None:
        """Write the terms, the model's record, and the model itself if it was fitted."""
        with replaced(folder / _TERMS) as stream:
            stream.write(json.dumps(list(self.terms), ensure_ascii=False).encode())
        if self.model is None:
            for name in (_RECORD, _STATISTICS):
                (folder / name).unlink(missing_ok=True)
            return
        if folder.resolve() != self.home.resolve():
            if self.model == "bm25":
                shutil.copytree(self.home / _FITTED, folder / _FITTED, dirs_exist_ok=True)
            if (self.home / _STATISTICS).exists():
                shutil.copyfile(self.home / _STATISTICS, folder / _STATISTICS)
            else:
                (folder / _STATISTICS).unlink(missing_ok=True)
        with replaced(folder / _RECORD) as stream:
            record = {"model": self.model, "fingerprint": self.fingerprint}
            stream.write(json.dumps(record, indent=1).encode())

    def load(self, *, cache: bool = True) -> TermModel:
        """Load the model that made the vectors.

        Parameters
        ----------
        cache
            Whether what it encodes is kept on disk, to be found again.

        Raises
        ------
        InputError
            If none is known, or the model of that name gives other vectors by now.
        """
        if self.model is None:
            raise InputError(
                f"{self.home} was built from vectors alone, so no model is known that encodes a "
                "text for it: search it with vectors (rarefy search --query-vectors)"
            )
        name = self.home / _FITTED if self.model == "bm25" else self.model
        model: Any = rarefy.load(name, cache=cache)
        if _restores(model) and (self.home / _STATISTICS).exists():
            model.restore(_read_statistics(self.home / _STATISTICS))
        if model.fingerprint != self.fingerprint:
            raise InputError(
                f"{self.home} was made by {self.model} with the fingerprint {self.fingerprint}; "
                f"it now has {model.fingerprint}, so new vectors would not match: build it again"
            )
        return model


def _restores(model: Any) -> bool:
    """Whether a model's statistics are kept apart from it: BM25 is stored as a whole."""
    return hasattr(model, "restore")


def _read_statistics(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as tables:
            return dict(tables)
    except (OSError, ValueError, BadZipFile) as error:
        raise InputError(f"{path} cannot be read ({error}): make the vectors again") from error
