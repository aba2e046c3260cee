"""One name for every collection: a known one, a folder, ``pydocs``, ``emoji/..``, ``irds:<id>``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rarefy.errors import InputError
from rarefy.eval.collections.beir import read_beir
from rarefy.eval.collections.collection import Collection
from rarefy.eval.collections.crossings import crossed
from rarefy.eval.collections.debian import read_debian
from rarefy.eval.collections.emoji import read_emoji
from rarefy.eval.collections.irds import read_irds
from rarefy.eval.collections.languages import guess_language
from rarefy.eval.collections.pydocs import read_pydocs
from rarefy.eval.collections.registry import known_folder, verified
from rarefy.eval.collections.trec import read_trec

__all__ = ["load_collection"]


def load_collection(
    spec: str | Path,
    *,
    split: str | None = None,
    limit: int | None = None,
    drop_unknown: bool = False,
    language: str | None = None,
) -> Collection:
    """Load a test collection.

    Parameters
    ----------
    spec
        A folder in BEIR or TREC form, ``"pydocs"``, ``"emoji/<source>"``
        (`rarefy.eval.collections.emoji`), ``"debian/de-en"`` (`rarefy.eval.collections.debian`),
        ``"irds:<id>"``, or the name of a known collection, such
        as ``"scifact"``, whose contents are compared with those on record, or of two across
        languages, such as ``"xquad-r/de-en"`` (`rarefy.eval.collections.crossings`). A folder of
        such a name is written with its path: ``"./pydocs"``.
    split
        Which judgements to read; by default a folder's ``test``, else ``dev``, else its only
        ones.
    limit
        The most documents to keep: see `Collection.sample`.
    drop_unknown
        Leave out judgements of documents or queries that a folder does not hold, where they
        would be an error.
    language
        ISO 639-1 code of the documents' language. By default that of a known collection, or else
        what the script of the texts says: Japanese, Korean, Chinese, or English.

    Raises
    ------
    InputError
        If there is no such collection, or it is broken; the message names the file and line.
    """
    collection = _read(spec, split, drop_unknown)
    if language is not None:
        collection = replace(collection, language=language)
    return collection if limit is None else collection.sample(limit)


def _read(spec: str | Path, split: str | None, drop_unknown: bool) -> Collection:
    if spec == "pydocs":
        if split not in (None, "test"):
            raise InputError(f"pydocs has no split {split!r}; it has test")
        return read_pydocs()
    if isinstance(spec, str) and spec.startswith("irds:"):
        return verified(_guessed(read_irds(spec.removeprefix("irds:"), split=split)))
    folder, name = Path(spec), None
    if not folder.is_dir() and str(spec).startswith("emoji/"):
        return read_emoji(str(spec), split=split)
    if not folder.is_dir() and str(spec).startswith("debian/"):
        return read_debian(str(spec), split=split)
    if not folder.is_dir() and (found := known_folder(str(spec))):
        folder, name = found, str(spec)
    if not folder.is_dir():
        across = crossed(str(spec), lambda part: _known(part, split))
        if across is not None:
            return across
        raise InputError(
            f"no collection {str(spec)!r}; expected a folder in BEIR form (corpus.jsonl, "
            "queries.jsonl, qrels/<split>.tsv) or TREC form (documents, topics, qrels), pydocs, "
            "emoji/en, debian/de-en, irds:<id>, or a known name such as scifact"
        )
    read = read_trec if any(folder.glob("topics*")) else read_beir
    collection = _guessed(read(folder, split=split, drop_unknown=drop_unknown))
    if name is not None:
        collection = replace(collection, name=name)
    return verified(collection, name)


def _known(name: str, split: str | None) -> Collection | None:
    return None if known_folder(name) is None else _read(name, split, drop_unknown=False)


def _guessed(collection: Collection) -> Collection:
    return replace(collection, language=guess_language(collection.documents))
