"""Values that change while training, as functions of the optimiser's step.

A function of the step needs no state: training that resumes goes on as if it had not stopped. One
step is one update of the parameters, however many batches were accumulated for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from rarefy.errors import InputError

__all__ = ["Schedule", "Shape"]

Shape = Literal["constant", "linear", "quadratic", "cosine"]

_SHAPES = {
    "constant": lambda done: 1.0,
    "linear": lambda done: done,
    "quadratic": lambda done: done * done,
    "cosine": lambda done: (1 - math.cos(math.pi * done)) / 2,
}


@dataclass(frozen=True)
class Schedule:
    """A value that goes from `start` to `end` in a number of steps, and stays there.

    The weight of a SPLADE regulariser: quadratic from 0 (Paria et al., "Minimizing FLOPs to Learn
    Efficient Sparse Representations", ICLR 2020). The number of terms kept: linear from a large
    one (k annealing of CSRv2, arXiv 2602.05735).

    Parameters
    ----------
    end
        The value from then on.
    steps
        Optimiser steps until then.
    start
        The value at step 0.
    shape
        ``"constant"`` (`end` from the first step on), ``"linear"``, ``"quadratic"``, ``"cosine"``.

    Raises
    ------
    InputError
        If steps is negative, or there is no such shape.
    """

    end: float
    steps: int = 0
    start: float = 0.0
    shape: Shape = "quadratic"

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise InputError(f"steps is {self.steps}; expected at least 0")
        if self.shape not in _SHAPES:
            raise InputError(f"shape is {self.shape!r}; expected one of {', '.join(_SHAPES)}")

    def __call__(self, step: int) -> float:
        """Return the value at a step, counted from 0."""
        done = min(1.0, step / self.steps) if self.steps else 1.0
        return self.start + (self.end - self.start) * _SHAPES[self.shape](done)
