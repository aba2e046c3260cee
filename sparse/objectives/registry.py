"""Losses and regularisers by name, for command lines and tables of runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from torch import Tensor

from rarefy.errors import InputError
from rarefy.sparse.objectives.contrastive import (
    any_positive_nce,
    info_loob,
    info_nce,
    sigmoid_loss,
    weighted_info_nce,
)
from rarefy.sparse.objectives.distillation import kl_divergence, margin_mse, score_matrix
from rarefy.sparse.objectives.hard_negatives import hard_negative_nce, ranked_margin
from rarefy.sparse.objectives.rankings import rank_consistency
from rarefy.sparse.objectives.regularisers import anti_zero, df_flops, flops, l1

__all__ = ["REGULARISERS", "SCORE_LOSSES", "ScoreLoss", "score_loss"]


@dataclass(frozen=True)
class ScoreLoss:
    """A loss on score matrices; call it with all there is, and it takes what it needs.

    Parameters
    ----------
    loss
        Its parameters before the options are some of scores, teacher, positives and ignored.
    """

    loss: Callable[..., Tensor]

    @property
    def needs_teacher(self) -> bool:
        """Whether it takes a teacher's scores."""
        return "teacher" in inspect.signature(self.loss).parameters

    def __call__(
        self,
        scores: Tensor,
        teacher: Tensor | None = None,
        positives: Tensor | None = None,
        ignored: Tensor | None = None,
    ) -> Tensor:
        """Return the loss.

        Parameters
        ----------
        scores, teacher : float [q, d]
            The student's and the teacher's scores.
        positives, ignored : bool [q, d]
            As for :func:`rarefy.sparse.objectives.info_nce`.

        Raises
        ------
        InputError
            If it needs a teacher and there is none.
        """
        if self.needs_teacher and teacher is None:
            raise InputError("the loss has no teacher's scores; expected float [q, d]")
        given = {"teacher": teacher, "positives": positives, "ignored": ignored}
        taken = inspect.signature(self.loss).parameters
        return self.loss(scores, **{name: given[name] for name in given if name in taken})


SCORE_LOSSES: Mapping[str, ScoreLoss] = MappingProxyType(
    {
        "any_positive_nce": ScoreLoss(any_positive_nce),
        "hard_negative_nce": ScoreLoss(hard_negative_nce),
        "info_loob": ScoreLoss(info_loob),
        "info_nce": ScoreLoss(info_nce),
        "kl_divergence": ScoreLoss(kl_divergence),
        "margin_mse": ScoreLoss(margin_mse),
        "rank_consistency": ScoreLoss(rank_consistency),
        "ranked_margin": ScoreLoss(ranked_margin),
        "score_matrix": ScoreLoss(score_matrix),
        "sigmoid_loss": ScoreLoss(sigmoid_loss),
        "weighted_info_nce": ScoreLoss(weighted_info_nce),
    }
)
"""Losses on score matrices, by name."""

REGULARISERS: Mapping[str, Callable[..., Tensor]] = MappingProxyType(
    {"anti_zero": anti_zero, "df_flops": df_flops, "flops": flops, "l1": l1}
)
"""Losses on the weights of a batch, by name; df_flops also takes the terms' shares."""


def score_loss(name: str, **options: Any) -> ScoreLoss:
    """Return a loss on score matrices.

    Parameters
    ----------
    name
        A key of :data:`SCORE_LOSSES`.
    **options
        Keyword arguments of that function, such as ``temperature``.

    Raises
    ------
    InputError
        If there is no such loss, or it has no such option.
    """
    if name not in SCORE_LOSSES:
        raise InputError(
            f"there is no loss on scores {name!r}; expected one of {', '.join(SCORE_LOSSES)}"
        )
    loss = SCORE_LOSSES[name].loss
    known = {
        key
        for key, parameter in inspect.signature(loss).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    for option in options:
        if option not in known:
            raise InputError(
                f"{name} has no option {option!r}; expected some of {', '.join(sorted(known))}"
            )
    return ScoreLoss(partial(loss, **options))
