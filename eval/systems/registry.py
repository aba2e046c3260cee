"""Systems by name."""

from __future__ import annotations

from pathlib import Path

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
        self._made: dict[str, System] = {}

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
        if name == "dense":
            from rarefy.sparse import DenseEncoder

            return DenseSystem.from_encoder(
                name, DenseEncoder(), self._collection, progress=self._progress
            )
        if "+" in name and not Path(name).exists():
            return FusionSystem(
                name, tuple(self[part.strip()] for part in name.split("+")), self._collection
            )
        from rarefy.sparse import BM25, load

        model = load(name)
        if name == "bm25" and isinstance(model, BM25):  # a saved one comes with its statistics
            model.fit(self._collection.documents)
        return SparseSystem.from_model(name, model, self._collection, progress=self._progress)
