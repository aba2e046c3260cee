"""One name for every collection: a folder in BEIR form, ``pydocs`` or ``irds:<id>``."""

from __future__ import annotations

from pathlib import Path

from rarefy.errors import InputError
from rarefy.eval.collections.beir import read_beir
from rarefy.eval.collections.collection import Collection
from rarefy.eval.collections.irds import read_irds
from rarefy.eval.collections.pydocs import read_pydocs

__all__ = ["load_collection"]


def load_collection(
    spec: str | Path,
    *,
    split: str | None = None,
    limit: int | None = None,
    drop_unknown: bool = False,
) -> Collection:
    """Load a test collection.

    Parameters
    ----------
    spec
        A folder in BEIR form, ``"pydocs"`` or ``"irds:<id>"``. A folder of such a name is
        written with its path: ``"./pydocs"``.
    split
        Which judgements to read; by default a folder's ``test``, else ``dev``, else its only
        ones.
    limit
        The most documents to keep: see `Collection.sample`.
    drop_unknown
        Leave out judgements of documents or queries that a folder does not hold, where they
        would be an error.

    Raises
    ------
    InputError
        If there is no such collection, or it is broken; the message names the file and line.
    """
    if spec == "pydocs":
        if split not in (None, "test"):
            raise InputError(f"pydocs has no split {split!r}; it has test")
        collection = read_pydocs()
    elif isinstance(spec, str) and spec.startswith("irds:"):
        collection = read_irds(spec.removeprefix("irds:"), split=split)
    elif Path(spec).is_dir():
        collection = read_beir(spec, split=split, drop_unknown=drop_unknown)
    else:
        raise InputError(
            f"no collection {str(spec)!r}; expected a folder in BEIR form (corpus.jsonl, "
            "queries.jsonl, qrels/<split>.tsv), pydocs, or irds:<id>"
        )
    return collection if limit is None else collection.sample(limit)
