"""Systems by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rarefy.errors import InputError, require
from rarefy.eval.collections.collection import Collection
from rarefy.eval.systems.dense import DenseSystem, DenseVectors
from rarefy.eval.systems.encoding import Encoded, encode_collection
from rarefy.eval.systems.fusion import FusionSystem, Method
from rarefy.eval.systems.given import GivenSystem
from rarefy.eval.systems.hamming import HammingSystem
from rarefy.eval.systems.java import java
from rarefy.eval.systems.lucene import LuceneSystem
from rarefy.eval.systems.sparse import SparseSystem
from rarefy.eval.systems.specification import Fusion, Specification, parse_system
from rarefy.eval.systems.system import SparseVectors, System
from rarefy.eval.systems.tuning import check_apart, tuned_weights
from rarefy.sparse.analysis import language_analyzer

__all__ = ["Systems"]

_SEARCH_SETTINGS = ("recall", "ef", "nprobe")  # that one index serves many values of


class Systems:
    """The systems of one collection, each made when it is first asked for.

    What several systems share, a model, its vectors or an index, is made once.

    Parameters
    ----------
    collection
        The documents and queries; its judgements are put away, for no system may see them.
    development
        Another collection, or another split of this one, by whose judgements the weights of
        fusions are chosen; without it they are equal.
    models
        Loaded models by name, to be shared with the systems of other collections; those that are
        fitted to the collection stay apart.
    progress
        Whether encoding shows progress bars.

    Raises
    ------
    InputError
        If a query of the development collection is one of the test's.
    """

    def __init__(
        self,
        collection: Collection,
        *,
        development: Collection | None = None,
        models: dict[str, Any] | None = None,
        progress: bool = False,
    ) -> None:
        self._collection = collection.without_judgements()
        self._progress = progress
        self._models: dict[str, Any] = {} if models is None else models
        self._fitted: dict[str, Any] = {}
        self._encoded: dict[str, Encoded] = {}
        self._dense: dict[str, DenseVectors] = {}
        self._made: dict[str, System] = {}
        self._indexed: Systems | None = None  # of the same documents, for other queries
        self._development: tuple[Collection, Systems] | None = None
        if development is not None:
            development = development.judged()
            check_apart(collection, development)
            systems = Systems(development, models=self._models, progress=progress)
            if _same_documents(development, collection):
                systems._indexed = self
            self._development = development, systems

    def load(self, names: Iterable[str]) -> None:
        """Load the models of systems: what is wrong with one shows before work on another.

        Raises
        ------
        InputError, MissingExtraError
            As for a system that is asked for.
        """
        for name in names:
            asked = parse_system(name)
            if isinstance(asked, Fusion):
                self.load(asked.parts)
            elif asked.model == "run":
                if not Path(asked.settings["file"]).is_file():
                    raise InputError(f"{name!r}: there is no file {asked.settings['file']}")
            else:
                if asked.model == "bm25":
                    self._collection.check_read_by(name, ())
                if asked.engine == "lucene":
                    java()
                if (asked.model, asked.engine) != ("bm25", "lucene"):
                    self._model(asked)

    def __getitem__(self, name: str) -> System:
        """Return a system; `rarefy.eval.systems.specification` says which names there are.

        Raises
        ------
        InputError
            If the name asks for what is not there.
        MissingExtraError
            If the packages that it needs are not installed.
        """
        if name not in self._made:
            asked = parse_system(name)
            made = self._fusion(asked) if isinstance(asked, Fusion) else self._single(asked)
            self._made[name] = made
        return self._made[name]

    def vectors(self, name: str) -> SparseVectors | None:
        """Return the sparse vectors of a system without indexing them; None if it has none."""
        asked = parse_system(name)
        if isinstance(asked, Fusion) or asked.model in ("dense", "run"):
            return None
        if (asked.model, asked.engine) == ("bm25", "lucene"):
            return None
        return self._pruned(asked).vectors

    def _fusion(self, asked: Fusion) -> FusionSystem:
        self.load(asked.parts)
        parts = tuple(self[part] for part in asked.parts)
        method: Method = asked.method  # type: ignore[assignment]
        if method == "rrf":
            return FusionSystem(asked.name, parts)
        if asked.weights is not None:
            return FusionSystem(asked.name, parts, method, asked.weights, "given")
        if self._development is None:
            equal = (1 / len(parts),) * len(parts)
            return FusionSystem(asked.name, parts, method, equal, "equal weights, not tuned")
        collection, systems = self._development
        weights = tuned_weights([systems[part] for part in asked.parts], collection, method)
        origin = f"tuned on {collection.name} ({collection.split})"
        return FusionSystem(asked.name, parts, method, weights, origin)

    def _single(self, asked: Specification) -> System:
        if self._indexed is not None:
            base = self._indexed[asked.name]
            if isinstance(base, SparseSystem | HammingSystem):
                return base.asked(self._pruned(asked).vectors)
            if isinstance(base, DenseSystem):
                return base.asked(self._dense_vectors(asked).queries)
        searched = {key: asked.settings[key] for key in _SEARCH_SETTINGS if key in asked.settings}
        plain = _name(asked, without=_SEARCH_SETTINGS)
        if searched and plain != asked.name:  # the index is that of the system without them
            base = self[plain]
            if isinstance(base, SparseSystem):
                return base.with_recall(asked.name, searched["recall"])
            if isinstance(base, DenseSystem):
                return base.searched(asked.name, searched)
        if asked.model == "run":
            path, kind = asked.settings["file"], asked.settings.get("kind", "sparse")
            return GivenSystem.from_file(asked.name, path, self._collection, kind=kind)
        if asked.model == "dense":
            exact = _name(asked, only=("model",)) if asked.engine else None
            settings = {key: value for key, value in asked.settings.items() if key != "model"}
            vectors = self._dense_vectors(asked)
            return DenseSystem.from_vectors(
                asked.name, vectors, asked.engine, settings, exact=exact
            )
        if asked.engine == "hamming":
            return HammingSystem.from_encoded(asked.name, self._pruned(asked))
        told = {key: value for key, value in asked.settings.items() if key != "towers"}
        if asked.engine == "lucene":
            if asked.model == "bm25":
                return LuceneSystem.from_texts(asked.name, self._collection)
            exact = _name(asked, without=_SEARCH_SETTINGS, engine="")
            return LuceneSystem.from_encoded(asked.name, self._pruned(asked), told, exact=exact)
        return SparseSystem.from_encoded(asked.name, self._pruned(asked), told)

    def _pruned(self, asked: Specification) -> Encoded:
        if asked.encoder not in self._encoded and self._indexed is not None:
            known = self._indexed._encoded[asked.encoder]
            queries = self._indexed._model(asked).encode_queries(self._collection.queries)
            self._encoded[asked.encoder] = known.asked(queries)
        elif asked.encoder not in self._encoded:
            model = self._model(asked)
            if not model.fitted:
                model.fit(self._collection.documents, progress=self._progress)
            self._encoded[asked.encoder] = encode_collection(
                model, self._collection, progress=self._progress
            )
        limits = (asked.settings.get(side) for side in ("documents", "queries"))
        return self._encoded[asked.encoder].pruned(*limits)

    def _dense_vectors(self, asked: Specification) -> DenseVectors:
        name = asked.settings.get("model", "")
        if name not in self._dense and self._indexed is not None:
            queries = self._model(asked).encode(self._collection.queries, role="query")
            self._dense[name] = replace(self._indexed._dense[name], queries=queries)
        elif name not in self._dense:
            self._dense[name] = DenseVectors.from_encoder(
                self._model(asked), self._collection, progress=self._progress
            )
        return self._dense[name]

    def _model(self, asked: Specification) -> Any:
        from rarefy.sparse import BM25, DenseEncoder, load

        name = asked.encoder
        if name == "bm25":
            name = f"bm25:{self._collection.language}"
        elif name == "dense":
            require("faiss", "eval")  # encoding may take long, and would be for nothing
            name = f"dense:{asked.settings.get('model', '')}"
        if name not in self._models and name not in self._fitted:
            if asked.model == "bm25":
                made: Any = BM25(language_analyzer(self._collection.language))
            elif asked.model == "dense":
                path = asked.settings.get("model")
                made = DenseEncoder() if path is None else DenseEncoder(path)
            else:
                made = load(asked.model)
            made = _between(asked.name, made, asked.settings.get("towers"))
            # Fitted to this collection, it must not encode another.
            (self._models if getattr(made, "fitted", True) else self._fitted)[name] = made
        found = self._fitted[name] if name in self._fitted else self._models[name]
        self._collection.check_read_by(asked.name, getattr(found, "pictured", ()))
        return found


def _between(name: str, model: Any, towers: str | None) -> Any:
    """Return the model, or its towers such as ``"languages-image"``: for queries, for documents."""
    if towers is None:
        return model
    query, dash, document = towers.partition("-")
    if not hasattr(model, "between") or not dash:
        raise InputError(
            f"{name!r}: expected a model of several towers, and two of their names, such as "
            "towers=languages-image"
        )
    return model.between(query, document)


def _same_documents(one: Collection, other: Collection) -> bool:
    return (one.language, one.pictured) == (other.language, other.pictured) and (
        one.documents == other.documents
    )


def _name(
    asked: Specification,
    *,
    without: tuple[str, ...] = (),
    only: tuple[str, ...] | None = None,
    engine: str | None = None,
) -> str:
    """Return the name of a system like the one asked for; `only` leaves the engine out, too."""
    kept = {
        key: value
        for key, value in asked.settings.items()
        if key not in without and (only is None or key in only)
    }
    chosen = "" if only is not None else asked.engine if engine is None else engine
    parts = [asked.model, chosen, *(f"{key}={value}" for key, value in kept.items())]
    return ":".join(filter(None, parts))
