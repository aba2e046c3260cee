"""Systems by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rarefy.errors import require
from rarefy.eval.collections.collection import Collection
from rarefy.eval.systems.dense import DenseSystem
from rarefy.eval.systems.fusion import FusionSystem
from rarefy.eval.systems.sparse import SparseSystem
from rarefy.eval.systems.system import System

__all__ = ["Systems"]


class Systems:
    """The systems of one collection, each made when it is first asked for.

    A system that stands alone and in a fusion is encoded and indexed once.

    Parameters
    ----------
    collection
        The documents and queries.
    progress
        Whether encoding shows progress bars.
    """

    def __init__(self, collection: Collection, *, progress: bool = False) -> None:
        self._collection = collection
        self._progress = progress
        self._models: dict[str, Any] = {}
        self._made: dict[str, System] = {}

    def load(self, names: Iterable[str]) -> None:
        """Load the models of systems: what is wrong with one shows before work on another.

        Raises
        ------
        InputError, MissingExtraError
            As for a system that is asked for.
        """
        for name in names:
            if parts := _parts(name):
                self.load(parts)
            else:
                self._model(name)

    def __getitem__(self, name: str) -> System:
        """Return a system: ``"dense"``, a name that `rarefy.load` takes, or a fusion ``"a+b"``.

        Raises
        ------
        InputError
            If `rarefy.load` does not know the name.
        MissingExtraError
            If the packages that it needs are not installed.
        """
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> System:
        if parts := _parts(name):
            self.load(parts)
            return FusionSystem(name, tuple(self[part] for part in parts), self._collection)
        model = self._model(name)
        if name == "dense":
            return DenseSystem.from_encoder(name, model, self._collection, progress=self._progress)
        if not model.fitted:
            model.fit(self._collection.documents, progress=self._progress)
        return SparseSystem.from_model(name, model, self._collection, progress=self._progress)

    def _model(self, name: str) -> Any:
        if name not in self._models:
            self._models[name] = _load(name)
        return self._models[name]


def _parts(name: str) -> list[str]:
    """Return the names of the systems that a fusion joins; none if it is not one."""
    if "+" not in name or Path(name).exists():
        return []
    return [part.strip() for part in name.split("+")]


def _load(name: str) -> Any:
    from rarefy.sparse import DenseEncoder, load

    if name == "dense":
        require("faiss", "eval")  # encoding may take long, and would be for nothing
        return DenseEncoder()
    return load(name)
