"""What the commands read: models, vectors and texts by the names that users give them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rarefy
from rarefy.cli.output import progress_wanted
from rarefy.errors import InputError
from rarefy.origin import Origin
from rarefy.sparse.registry import NAMES, split_name

if TYPE_CHECKING:
    from rarefy.sparse import TermModel

__all__ = ["holds_vectors", "load_model", "read_texts", "vectors_path"]

_MATRIX = "vectors.npz"


def load_model(name: str, documents: Sequence[str]) -> TermModel:
    """Load a model that is ready to encode: one that wants to see a collection is fitted to it.

    Parameters
    ----------
    name
        What `rarefy.load` takes, or a folder of vectors or an index: the model that made it.
    documents
        The documents that will be searched; empty where they are not known.

    Raises
    ------
    InputError
        If the model wants documents, and there are none.
    """
    if split_name(name)[0] not in NAMES and Origin.is_at(Path(name)):
        return Origin.open(Path(name)).load()
    model = rarefy.load(name)
    if not model.fitted:
        if not documents:
            raise InputError(
                f"{name} weighs queries by the documents it was fitted to; encode the documents "
                "first, then name their vectors: --model DIR"
            )
        model.fit(documents, progress=progress_wanted())
    return model


def holds_vectors(source: str) -> bool:
    """Whether `source` names vectors, rather than a collection."""
    path = Path(source)
    return (
        path.is_file()
        or path.suffix == ".npz"
        or (path / _MATRIX).exists()
        or any(path.glob("*-embeddings.npz"))
    )


def vectors_path(source: str, collection: str | None = None) -> Path:
    """Find vectors.

    Parameters
    ----------
    source
        A folder that ``rarefy encode`` wrote, its ``vectors.npz``, or a file or folder in another
        form (see `rarefy.eval.interchange.forms`); as given, or else inside the folder
        `collection`.
    collection
        The collection that the vectors belong to.

    Returns
    -------
    Path
        What `rarefy.eval.read_vectors` takes.

    Raises
    ------
    InputError
        If there is nothing.
    """
    tried = [Path(source), *([] if collection is None else [Path(collection, source)])]
    path = next((path for path in tried if path.exists()), None)
    if path is None:
        places = " or ".join(map(str, dict.fromkeys(tried)))
        raise InputError(f"no vectors at {places}; check the path")
    return path.parent if path.name == _MATRIX else path


def read_texts(path: Path) -> tuple[list[str], list[str]]:
    """Read ids and texts from JSON lines of ``_id`` (or ``id``), ``text`` and maybe ``title``.

    Raises
    ------
    InputError
        If the file is missing, broken or empty, or an id occurs twice; the message names the line.
    """
    from rarefy.eval.interchange.lines import read_json_lines

    texts: dict[str, str] = {}
    for number, record in read_json_lines(path):
        key, text = record.get("_id", record.get("id")), record.get("text")
        if not isinstance(key, str) or not isinstance(text, str):
            raise InputError(
                f'{path}:{number}: expected {{"_id": "a string", "text": "a string"}}, '
                f"found {str(record)[:80]}"
            )
        if key in texts:
            raise InputError(f"{path}:{number}: _id {key!r} occurs twice; ids must be unique")
        texts[key] = f"{record.get('title') or ''} {text}".strip()
    if not texts:
        raise InputError(f"{path} has no texts; expected one JSON object a line")
    return list(texts), list(texts.values())
