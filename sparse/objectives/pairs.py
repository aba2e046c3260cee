"""What a head over a frozen encoder is trained for: a loss on scores, and a regulariser."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from rarefy.errors import InputError
from rarefy.sparse.objectives.expansion import ExpansionControl
from rarefy.sparse.objectives.negatives import diagonal
from rarefy.sparse.objectives.registry import REGULARISERS, ScoreLoss, score_loss
from rarefy.sparse.objectives.regularisers import DocumentFrequencies, joint_top_k
from rarefy.sparse.objectives.schedules import Schedule

__all__ = ["DensePairs", "PairObjective"]

Cells = Callable[[Tensor], Tensor]
"""Which cells of a score matrix, bool [q, d], from the teacher's scores, float [q, d]."""


class DensePairs(Protocol):
    """The dense vectors of a batch; document i belongs to query i."""

    @property
    def queries(self) -> Tensor:
        """Float [B, h]."""

    @property
    def documents(self) -> Tensor:
        """Float [B, h], or of another length where another encoder made them."""


class PairObjective(nn.Module):
    """A loss on the score matrix of a batch, taught by the dense one, plus a regulariser.

    The recipe of Nguyen et al., "Multimodal Learned Sparse Retrieval with Probabilistic Expansion
    Control", ECIR 2024, is ``loss="score_matrix"``, ``regulariser="l1"`` with quadratic weights,
    and an expansion control.

    Its parameter is the scale of the student's scores: sparse vectors have no length of their own.

    Parameters
    ----------
    loss
        A name of :data:`rarefy.sparse.objectives.SCORE_LOSSES`, or what
        :func:`rarefy.sparse.objectives.score_loss` returns.
    scale
        What the student's scores are multiplied by at first.
    regulariser
        A name of :data:`rarefy.sparse.objectives.REGULARISERS`, or None.
    query_weight, document_weight
        How much the regulariser counts at each optimiser step, for either side.
    vocabulary_size
        V, which ``"df_flops"`` needs.
    expansion
        Which queries may use more than their own terms at a step.
    own_terms
        The own terms, bool [B, V], of a step's queries; `expansion` needs it.
    query_terms, document_terms
        Terms of a side that a batch keeps in the mean, by optimiser step: see
        :func:`rarefy.sparse.objectives.joint_top_k`. The head should give more than these.
    positives, ignored
        Which cells of the score matrix are positives besides the diagonal, and which are no
        negatives, such as ``rarefy.sparse.objectives.false_negatives``; for losses that take them.

    Raises
    ------
    InputError
        If there is no such loss or regulariser, or what it needs is missing.
    """

    def __init__(
        self,
        loss: str | ScoreLoss = "kl_divergence",
        *,
        scale: float = 1.0,
        regulariser: str | None = None,
        query_weight: Schedule | None = None,
        document_weight: Schedule | None = None,
        vocabulary_size: int | None = None,
        expansion: ExpansionControl | None = None,
        own_terms: Callable[[int], Tensor] | None = None,
        query_terms: Schedule | None = None,
        document_terms: Schedule | None = None,
        positives: Cells | None = None,
        ignored: Cells | None = None,
    ) -> None:
        super().__init__()
        if not scale > 0:
            raise InputError(f"scale is {scale}; expected a number above 0")
        if regulariser is not None and regulariser not in REGULARISERS:
            raise InputError(
                f"there is no regulariser {regulariser!r}; expected one of "
                f"{', '.join(REGULARISERS)}, or None"
            )
        if regulariser == "df_flops" and vocabulary_size is None:
            raise InputError("vocabulary_size is None; expected that of the head for 'df_flops'")
        if (expansion is None) != (own_terms is None):
            raise InputError("expansion and own_terms need each other; expected both or neither")
        self.loss = score_loss(loss) if isinstance(loss, str) else loss
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.regulariser = regulariser
        self.frequencies = (
            DocumentFrequencies(vocabulary_size)
            if regulariser == "df_flops" and vocabulary_size
            else None
        )
        self._expansion, self._own_terms = expansion, own_terms
        self._schedules = {"query": query_weight, "document": document_weight}
        self._query_terms, self._document_terms = query_terms, document_terms
        self._positives, self._ignored = positives, ignored

    def forward(
        self, queries: Tensor, documents: Tensor, batch: DensePairs, step: int
    ) -> dict[str, Tensor]:
        """Return the terms of the loss by name; their sum is to be minimised.

        Parameters
        ----------
        queries, documents : float [B, V]
            Weights that the head gives.
        batch
            The dense vectors that it was given: their products are the teacher's scores, or, where
            those of documents are of another length, the products of queries with each other, for a
            document is then what its query says.
        step
            The optimiser's step, counted from 0.
        """
        if self._expansion is not None and self._own_terms is not None:
            own = self._own_terms(step).to(queries.device)
            queries = self._expansion(queries, own, step)
        if self._query_terms is not None:
            queries = joint_top_k(queries, self._query_terms(step))
        if self._document_terms is not None:
            documents = joint_top_k(documents, self._document_terms(step))
        scores = self.log_scale.exp() * queries @ documents.T
        comparable = batch.queries.shape[1] == batch.documents.shape[1]
        teacher = batch.queries @ (batch.documents if comparable else batch.queries).T
        positives = ignored = None
        if self._positives is not None:
            positives = diagonal(teacher) | self._positives(teacher)
        if self._ignored is not None:
            ignored = self._ignored(teacher)
        terms = {"scores": self.loss(scores, teacher, positives, ignored)}
        if self.regulariser is None:
            return terms
        options: dict[str, Any] = {}
        if self.frequencies is not None:
            options["shares"] = self.frequencies.update(documents)
        for side, weights in (("query", queries), ("document", documents)):
            schedule = self._schedules[side]
            if schedule is not None:
                penalty = REGULARISERS[self.regulariser](weights, **options)
                terms[f"{side}_{self.regulariser}"] = schedule(step) * penalty
        return terms
