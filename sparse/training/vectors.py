"""The dense vectors of many texts, encoded once and read back from disk a batch at a time.

``vectors.npy`` is float16 [n, d]; ``vectors.npy.json`` says of which texts and encoder, and how
many rows are done, so that a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rarefy.errors import InputError
from rarefy.files import output_file, replaced
from rarefy.sparse.texts import progress_bar

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import DenseEncoder
    from rarefy.sparse.model import Role

__all__ = ["encode_to_disk"]

_TEXTS = 2048  # between two notes of how far it has come


def encode_to_disk(
    encoder: DenseEncoder,
    texts: Sequence[str],
    path: str | Path,
    *,
    role: Role | None = None,
    progress: bool = False,
) -> NDArray[np.float16]:
    """Encode texts into a file, or go on with one, or open one that is complete.

    Parameters
    ----------
    encoder
        Made with ``cache=False``: the file is the cache.
    texts
        n texts, at least one.
    path
        The file, such as ``queries.npy``.
    role
        ``"query"`` or ``"document"``; see :meth:`DenseEncoder.encode`.
    progress
        Whether to show a progress bar on stderr.

    Returns
    -------
    numpy.memmap
        float16 [n, d], to be read only. Unit vectors lose less than .0005 of each entry.

    Raises
    ------
    InputError
        If there are no texts, or the file cannot be written.
    """
    if not texts:
        raise InputError("no texts to encode; expected at least one")
    file = output_file(path)
    note = file.with_name(f"{file.name}.json")
    content = {"texts": _digest(texts), "encoder": encoder.fingerprint, "role": role}
    shape = (len(texts), encoder.dimension)
    done = _rows_done(file, note, content, shape)
    if done < len(texts):
        mode = "r+" if done else "w+"
        rows = np.lib.format.open_memmap(file, mode, dtype=np.float16, shape=shape)
        with progress_bar(len(texts), progress) as advance:
            advance(done)
            for start in range(done, len(texts), _TEXTS):
                part = list(texts[start : start + _TEXTS])
                rows[start : start + len(part)] = encoder.encode(part, role=role)
                rows.flush()
                with replaced(note) as stream:
                    stream.write(json.dumps({**content, "rows": start + len(part)}).encode())
                advance(len(part))
    return np.load(file, mmap_mode="r")


def _rows_done(
    file: Path, note: Path, content: dict[str, str | None], shape: tuple[int, int]
) -> int:
    """Return how many rows of the file are of these texts and this encoder."""
    try:
        found = json.loads(note.read_text())
        rows = int(found.pop("rows"))
        if found != content or np.load(file, mmap_mode="r").shape != shape:
            return 0
    except (OSError, ValueError, KeyError):
        return 0
    return rows


def _digest(texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(hashlib.sha256(text.encode(errors="replace")).digest())
    return digest.hexdigest()
