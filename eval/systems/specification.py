"""A system's name, and what it asks for: ``MODEL[:ENGINE][:SETTING=VALUE]...``.

    bm25  dense  minilm-d2s  splade-tiny  FOLDER     a model and the engine that is usual for it
    minilm-d2s:recall=0.95                           the index's promise of recall
    minilm-d2s:documents=128:queries=32              the heaviest terms of each vector alone
    FOLDER:towers=languages-image                    who reads queries, who documents, of towers
    bm25:lucene  splade-tiny:lucene                  Lucene; learned weights as 8-bit impacts
    FOLDER:hamming                                   FAISS's index of bits, of a model with SignHash
    dense:hnsw:ef=64  dense:ivfpq:nprobe=8           FAISS's approximate indexes
    dense:model=FOLDER                               another dense model
    run:file=FILE  run:file=FILE:kind=dense          a TREC run made elsewhere
    bm25+dense  minmax=bm25+dense  zscore=0.3*bm25+0.7*dense      fusions

A name that is the path of something there is a model, whatever colons or pluses it holds.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rarefy.errors import InputError

__all__ = ["Fusion", "Specification", "parse_system", "swept"]

_Parser = Callable[[str], Any]

_VECTORS: dict[str, _Parser] = {"documents": int, "queries": int, "towers": str}
_ENGINES: dict[str, dict[str, dict[str, _Parser]]] = {
    "dense": {
        "": {"model": str},
        "hnsw": {"model": str, "ef": int, "links": int},
        "ivfpq": {"model": str, "nprobe": int, "lists": int, "bytes": int},
    },
    "run": {"": {"file": str, "kind": str}},
    "": {"": {"recall": float, **_VECTORS}, "lucene": _VECTORS, "hamming": {"towers": str}},
}
"""Model -> engine -> its settings; the model "" stands for every sparse one."""

_METHODS = ("rrf", "minmax", "zscore")


@dataclass(frozen=True)
class Specification:
    """One system that is no fusion.

    Parameters
    ----------
    name
        As it was given, and as tables show it.
    model
        What `rarefy.load` takes, ``"dense"`` or ``"run"``.
    engine
        ``""``, ``"lucene"``, ``"hamming"``, ``"hnsw"`` or ``"ivfpq"``.
    settings
        Of the vectors and of the engine.
    """

    name: str
    model: str
    engine: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def encoder(self) -> str:
        """What encodes: the model, and which of its towers where that is said."""
        towers = self.settings.get("towers")
        return self.model if towers is None else f"{self.model}:towers={towers}"


@dataclass(frozen=True)
class Fusion:
    """Systems joined.

    Parameters
    ----------
    name
        As it was given.
    method
        ``"rrf"``, ``"minmax"`` or ``"zscore"``.
    parts
        Names of the systems.
    weights
        One for each part, where they are given.
    """

    name: str
    method: str
    parts: tuple[str, ...]
    weights: tuple[float, ...] | None = None


def parse_system(name: str) -> Specification | Fusion:
    """Read a system's name.

    Raises
    ------
    InputError
        If an engine, a setting or a value is not one that the model has.
    """
    if Path(name).exists():
        return Specification(name, name)
    method, equals, rest = name.partition("=")
    if equals and method in _METHODS:
        return _fusion(name, method, rest)
    if "+" in name:
        return _fusion(name, "rrf", name)
    model, *parts = name.split(":")
    engines = _ENGINES.get(model, _ENGINES[""])
    engine = parts.pop(0) if parts and "=" not in parts[0] else ""
    if engine not in engines:
        listed = ", ".join(filter(None, engines)) or "none"
        raise InputError(f"{name!r}: {model} has no engine {engine!r}; it has: {listed}")
    settings: dict[str, Any] = {}
    for part in parts:
        key, _, text = part.partition("=")
        if key not in engines[engine]:
            listed = ", ".join(engines[engine])
            raise InputError(f"{name!r}: no setting {key!r}; expected one of {listed}")
        settings[key] = _value(name, key, text, engines[engine][key])
    if model == "run" and "file" not in settings:
        raise InputError(f"{name!r} names no run; expected run:file=FILE")
    return Specification(name, model, engine, settings)


def swept(name: str) -> list[str]:
    """Return the systems of a sweep: ``"dense:hnsw:ef=16/32"`` is two, one for each value.

    Several settings with several values give every combination. Values of ``model`` and ``file``
    are paths, and stay whole.
    """
    if Path(name).exists() or isinstance(parse_system(_first_values(name)), Fusion):
        return [name]
    choices = [
        [f"{key}={value}" for value in text.split("/")] if _is_swept(key, equals) else [part]
        for part in name.split(":")
        for key, equals, text in [part.partition("=")]
    ]
    return [":".join(chosen) for chosen in itertools.product(*choices)]


def _first_values(name: str) -> str:
    parts = [part.partition("=") for part in name.split(":")]
    return ":".join(
        f"{key}={text.split('/')[0]}" if _is_swept(key, equals) else f"{key}{equals}{text}"
        for key, equals, text in parts
    )


def _is_swept(key: str, equals: str) -> bool:
    return bool(equals) and key not in ("model", "file", "kind", *_METHODS)


def _fusion(name: str, method: str, text: str) -> Fusion:
    weights, parts = [], []
    for part in text.split("+"):
        weight, star, system = part.strip().rpartition("*")
        parts.append(system)
        parse_system(system)
        if star:
            weights.append(_value(name, "weight", weight, float))
    if len(parts) < 2:
        raise InputError(f"{name!r} joins one system; expected two or more, A+B")
    if weights and (len(weights) < len(parts) or method == "rrf"):
        raise InputError(
            f"{name!r}: expected a weight for every part or for none, and none with rrf: "
            "minmax=0.3*A+0.7*B"
        )
    return Fusion(name, method, tuple(parts), tuple(weights) or None)


def _value(name: str, key: str, text: str, parse: _Parser) -> Any:
    """Parse a value; numbers are above 0, but for a weight, which may be 0."""
    if parse is str:
        return text
    most = 1 if key == "recall" else sys.float_info.max
    try:
        value = parse(text)
        if not 0 < value <= most and not (key == "weight" and value == 0):
            raise ValueError
    except ValueError:
        what = "a whole number of at least 1" if parse is int else "a number above 0"
        what += ", at most 1" if key == "recall" else ""
        raise InputError(f"{name!r}: {key} is {text!r}; expected {what}") from None
    return value
