"""Models of open_clip, pictures and texts in one space, as a module of sentence-transformers.

Cherti et al., "Reproducible Scaling Laws for Contrastive Language-Image Learning", CVPR 2023. Its
folders and hub names hold an ``open_clip_config.json``: CLIP, SigLIP, EVA-CLIP, CoCa and others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import save_file
from sentence_transformers.base.modules import InputModule

from rarefy.errors import require
from rarefy.sparse.saved import hub_options

__all__ = ["OpenClip", "open_clip_name"]

_CONFIG = "open_clip_config.json"
_WEIGHTS = "open_clip_model.safetensors"
_FOLDER, _HUB = "local-dir:", "hf-hub:"


class OpenClip(InputModule):
    """Turns pictures, or texts, into ``sentence_embedding`` [n, d].

    Parameters
    ----------
    name
        As open_clip has it: ``local-dir:<folder>``, ``hf-hub:<owner>/<name>``, or an architecture,
        such as ``ViT-B-32``.
    pretrained
        The weights of an architecture: a tag, or a file.

    Raises
    ------
    MissingExtraError
        If open_clip is not installed.
    """

    modalities = ["text", "image"]  # noqa: RUF012 - as the base class declares it

    def __init__(self, name: str, pretrained: str | None = None) -> None:
        super().__init__()
        library = require("open_clip", "open-clip")
        self.model, self._picture = library.create_model_from_pretrained(name, pretrained)
        self._tokens = library.get_tokenizer(name)
        self._config = {
            "model_cfg": library.get_model_config(name),
            "preprocess_cfg": dict(self.model.visual.preprocess_cfg),
        }
        self.eval()

    def get_embedding_dimension(self) -> int:
        """Return the vectors' length."""
        return int(self._config["model_cfg"]["embed_dim"])

    def get_config_dict(self) -> dict[str, Any]:
        """Return what open_clip makes the model of: ``model_cfg`` and ``preprocess_cfg``."""
        return self._config

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Turn texts into ``input_ids`` [n, t], or RGB pictures into ``pixel_values``."""
        if isinstance(inputs[0], str):
            return {"input_ids": self._tokens([(prompt or "") + text for text in inputs])}
        return {"pixel_values": torch.stack([self._picture(picture) for picture in inputs])}

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Replace texts or pictures by vectors, which are not of unit length."""
        pictured = "pixel_values" in features
        encode = self.model.encode_image if pictured else self.model.encode_text
        taken = features["pixel_values" if pictured else "input_ids"]
        features["sentence_embedding"] = encode(taken, normalize=False)
        return features

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """Write a folder that open_clip reads, too."""
        folder = Path(output_path)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _CONFIG).write_text(json.dumps(self._config, indent=1), encoding="utf-8")
        weights = {name: value.contiguous() for name, value in self.model.state_dict().items()}
        save_file(weights, folder / _WEIGHTS)
        if hasattr(self._tokens, "save_pretrained"):  # open_clip's own comes with the library
            self._tokens.save_pretrained(str(folder))

    @classmethod
    def load(  # type: ignore[override]
        cls, model_name_or_path: str, subfolder: str = "", **options: Any
    ) -> Self:
        """Read what :meth:`save` wrote, as sentence-transformers asks."""
        folder = cls.load_dir_path(model_name_or_path, **hub_options(options, subfolder))
        return cls(f"{_FOLDER}{folder}")


def open_clip_name(name: str | Path) -> str | None:
    """Return a model's name for :class:`OpenClip`, or None if it is not open_clip's alone.

    Parameters
    ----------
    name
        A folder, or a hub name. On the hub, open_clip's is told by ``hf-hub:`` before it.
    """
    if str(name).startswith(_HUB):
        return str(name)
    folder = Path(name)
    others = any((folder / file).is_file() for file in ("modules.json", "config.json"))
    return f"{_FOLDER}{folder}" if (folder / _CONFIG).is_file() and not others else None
