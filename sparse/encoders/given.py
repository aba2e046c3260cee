"""Vectors that somebody else computed, by name, as a module of sentence-transformers.

What has no encoder here (audio, a service's embeddings, a model too large to run) can still get a
head: items are then names, and encoding one looks its vector up.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import InputModule
from torch import Tensor

from rarefy.errors import InputError
from rarefy.sparse.encoders.dense import DenseEncoder
from rarefy.sparse.saved import hub_options

__all__ = ["GivenVectors"]

_NAMES = "names.json"


class GivenVectors(InputModule):
    """Turns names into the vectors that were given for them.

    Parameters
    ----------
    vectors : float [n, d]
        Kept as float32, and saved with the model.
    names
        n names, each once.

    Raises
    ------
    InputError
        If the vectors are not numbers [n, d] of one name each, or a name comes twice.
    """

    def __init__(self, vectors: NDArray[np.floating], names: Sequence[str]) -> None:
        super().__init__()
        array = np.asarray(vectors)
        if array.ndim != 2 or array.dtype.kind != "f" or not np.isfinite(array).all():
            raise InputError(
                f"vectors are {array.dtype} of the shape {array.shape}; expected finite floats "
                "[n, d]"
            )
        self.names = list(names)
        self._rows = {name: row for row, name in enumerate(self.names)}
        if len(self.names) != len(array) or len(self._rows) != len(array):
            raise InputError(
                f"there are {len(array)} vectors, {len(self.names)} names and "
                f"{len(self._rows)} distinct names; expected as many of each"
            )
        self.vectors: Tensor
        self.register_buffer("vectors", torch.from_numpy(array.astype(np.float32)))

    @classmethod
    def encoder(cls, vectors: str | Path, names: str | Path) -> DenseEncoder:
        """Return an encoder that looks vectors up.

        Parameters
        ----------
        vectors
            A ``.npy`` file of floats [n, d].
        names
            A text file of n lines.

        Raises
        ------
        InputError
            If a file cannot be read, or they do not belong together.
        """
        try:
            array = np.load(vectors, allow_pickle=False)
            lines = Path(names).read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise InputError(
                f"{vectors} and {names} cannot be read ({error}); expected a .npy file of floats "
                "and a text file of one name a line"
            ) from error
        pipeline = SentenceTransformer(modules=[cls(array, lines)])
        return DenseEncoder(pipeline, cache=False)

    def get_embedding_dimension(self) -> int:
        """Return the vectors' length."""
        return int(self.vectors.shape[1])

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Find the names' rows, int64 [n].

        Raises
        ------
        InputError
            If there is no vector of a name.
        """
        for name in inputs:
            if name not in self._rows:
                raise InputError(
                    f"there is no vector of {str(name)[:80]!r}; expected one of the "
                    f"{len(self.names)} names that vectors were given for"
                )
        return {"rows": torch.tensor([self._rows[name] for name in inputs], dtype=torch.int64)}

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Replace rows by vectors."""
        features["sentence_embedding"] = self.vectors[features["rows"]]
        return features

    def save(self, output_path: str, *_: Any, safe_serialization: bool = True, **__: Any) -> None:
        """Write names and vectors, as sentence-transformers asks."""
        Path(output_path, _NAMES).write_text(json.dumps(self.names), encoding="utf-8")
        self.save_torch_weights(output_path, safe_serialization=safe_serialization)

    def get_config_dict(self) -> dict[str, Any]:
        """Return the names, which decide what an encoder's fingerprint says."""
        return {"names": self.names}

    @classmethod
    def load(  # type: ignore[override]
        cls, model_name_or_path: str, subfolder: str = "", **options: Any
    ) -> Self:
        """Read what :meth:`save` wrote, as sentence-transformers asks."""
        hub = hub_options(options, subfolder)
        path = cls.load_file_path(model_name_or_path, _NAMES, **hub)
        names = json.loads(Path(str(path)).read_text(encoding="utf-8"))
        weights = cls.load_torch_weights(model_name_or_path, **hub)
        return cls(weights["vectors"].numpy(), names)
