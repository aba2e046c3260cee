"""What a run has measured so far, on disk, so that one that is killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

import rarefy
from rarefy.eval.systems.system import Ranked
from rarefy.files import output_folder, replaced

__all__ = ["Checkpoint"]


class Checkpoint:
    """The finished systems of runs into one folder; a file each, written whole or not at all.

    Parameters
    ----------
    folder
        Made when the first system is finished.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @staticmethod
    def key(*parts: Any) -> str:
        """Return a digest of what a result depends on, and of this package's version.

        Parameters
        ----------
        parts
            Values that JSON has a form for.
        """
        content = json.dumps([rarefy.__version__, *parts], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def load(self, key: str) -> tuple[dict[str, Any], Ranked] | None:
        """Return a system's row of the results and its rankings; None if they are not there.

        Parameters
        ----------
        key
            As `key` gave it. A file that cannot be read counts as missing.
        """
        try:
            with np.load(self._path(key), allow_pickle=False) as arrays:
                row = json.loads(arrays["row"].tobytes())
                return row, Ranked(arrays["rows"].astype(np.int64), arrays["scores"])
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            return None

    def save(self, key: str, row: dict[str, Any], found: Ranked) -> None:
        """Keep a system's row of the results and its rankings.

        Parameters
        ----------
        key
            As `key` gave it.
        row
            What ``results.json`` will say of it.
        found
            Rows of documents and scores.
        """
        output_folder(self.folder)
        text = np.frombuffer(json.dumps(row).encode(), dtype=np.uint8)
        with replaced(self._path(key)) as stream:
            np.savez(stream, row=text, rows=found.rows, scores=found.scores)

    def clear(self) -> None:
        """Forget everything: the run has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"
