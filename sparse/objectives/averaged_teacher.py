"""A teacher that is the student's own average over the steps so far."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from rarefy.errors import InputError
from rarefy.sparse.objectives.pairs import DensePairs
from rarefy.sparse.objectives.registry import ScoreLoss, score_loss

__all__ = ["AveragedTeacher"]


class AveragedTeacher(nn.Module):
    r"""The term of a loss that keeps a head near the moving average of itself.

    Before each step after the first, :math:`\bar\theta \leftarrow m \bar\theta + (1 - m) \theta`;
    the student's scores learn from those of the head with the averaged weights. Momentum
    distillation of Li et al., "Align before Fuse: Vision and Language Representation Learning with
    Momentum Distillation" (ALBEF), NeurIPS 2021; Tarvainen and Valpola, "Mean teachers are better
    role models", NeurIPS 2017. The averaged weights are part of the checkpoint.

    With m = 1 the teacher stays what the head was, so that a head that is trained on keeps to what
    an index was built with: learning without forgetting, as in Ding et al., "Don't Stop Learning:
    Towards Continual Learning for the CLIP Model", 2022, there over texts of random words.

    Parameters
    ----------
    head
        The head that is trained.
    momentum
        m, from 0 to 1.
    weight
        How much the term counts.
    loss
        On the student's and the teacher's scores; by default the divergence of their softmax.

    Raises
    ------
    InputError
        If the momentum is out of range.
    """

    def __init__(
        self,
        head: nn.Module,
        *,
        momentum: float = 0.995,
        weight: float = 1.0,
        loss: ScoreLoss | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= momentum <= 1:
            raise InputError(f"momentum is {momentum}; expected 0 to 1")
        self.momentum, self.weight = momentum, weight
        self.average = copy.deepcopy(head).requires_grad_(False)
        self._loss = loss or score_loss("kl_divergence", directions="both")
        self._student = (head,)  # not a module of this one: it is saved with the run

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the student."""
        (student,) = self._student
        for mean, now in zip(self.average.parameters(), student.parameters(), strict=True):
            mean.lerp_(now, 1 - self.momentum)

    def forward(
        self, queries: Tensor, documents: Tensor, batch: DensePairs, step: int
    ) -> dict[str, Tensor]:
        """Return the term of the loss by name; see :meth:`PairObjective.forward`."""
        if step > 0:
            self.update()
        with torch.no_grad():
            taught = [
                self.average({"sentence_embedding": vectors}, task=task)["sentence_embedding"]
                for vectors, task in ((batch.queries, "query"), (batch.documents, "document"))
            ]
            teacher = taught[0] @ taught[1].T
        return {"averaged_teacher": self.weight * self._loss(queries @ documents.T, teacher)}
