"""Probabilistic expansion control: at first a text has weights for its own words alone.

Nguyen, Hendriksen, Yates and de Rijke, "Multimodal Learned Sparse Retrieval with Probabilistic
Expansion Control", ECIR 2024. Without it a head that is trained to match scores alone uses whatever
terms it likes: the same ones for all texts, and none that the text has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from rarefy.errors import InputError
from rarefy.sparse.objectives.schedules import Schedule

__all__ = ["ExpansionControl"]


@dataclass(frozen=True)
class ExpansionControl:
    """Draws which texts of a batch may expand, and keeps the others to their own terms.

    The weights are those of one forward pass of the text, masked or not: nothing is encoded twice.
    Draws depend on `seed` and the step alone, so training that resumes repeats them. When training
    is over, nothing is masked: encode without it.

    Parameters
    ----------
    probability
        Of being kept to own terms, by optimiser step; in the paper it falls linearly from 1 to 0:
        ``Schedule(start=1, end=0, steps=n, shape="linear")``.
    level
        What a draw is for: the whole ``"batch"``, each ``"example"``, or each ``"term"`` of each
        example.
    seed
        Of the draws.

    Raises
    ------
    InputError
        If there is no such level.
    """

    probability: Schedule
    level: Literal["batch", "example", "term"] = "batch"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.level not in ("batch", "example", "term"):
            raise InputError(f"level is {self.level!r}; expected 'batch', 'example' or 'term'")

    def __call__(self, weights: Tensor, own: Tensor, step: int) -> Tensor:
        """Return weights with those of terms that may not be used at this step set to zero.

        Parameters
        ----------
        weights : float [n, V]
            Of the batch's texts.
        own : bool [n, V]
            Which terms occur in the text: these always stay.
        step
            The optimiser's step, counted from 0.
        """
        examples, terms = weights.shape
        shape = {"batch": (1, 1), "example": (examples, 1), "term": (examples, terms)}[self.level]
        draws = np.random.default_rng((self.seed, step)).random(shape, dtype=np.float32)
        expands = torch.from_numpy(draws >= self.probability(step)).to(weights.device)
        return weights * (own | expands)
