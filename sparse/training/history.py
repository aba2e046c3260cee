"""What a training run went through: one record every so many steps, as JSON and as curves."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rarefy.files import replaced
from rarefy.sparse.training.curves import draw_curves

__all__ = ["History"]


@dataclass
class History:
    """Records of a run.

    Parameters
    ----------
    records
        One dict each: ``step``, ``seconds``, ``learning_rate``, ``loss`` and one entry for each of
        its terms, ``query_nnz``, ``document_nnz``, ``flops`` (mean number of terms that a query
        and a document of the batch share) and, where it was measured, ``validation``.
    steps
        Steps done.
    finished
        Whether those are all.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    steps: int = 0
    finished: bool = False

    def write(self, folder: Path) -> None:
        """Write ``history.json`` and ``curves.svg``, each replaced as a whole."""
        content = {"steps": self.steps, "finished": self.finished, "records": self.records}
        with replaced(folder / "history.json") as stream:
            stream.write(json.dumps(content, indent=1).encode())
        with replaced(folder / "curves.svg") as stream:
            stream.write(draw_curves(self.records).encode())
