"""An objective as a loss of sentence-transformers, whose state a checkpoint can hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rarefy.errors import InputError
from rarefy.sparse.objectives import PairObjective
from rarefy.sparse.training.batches import Batch
from rarefy.sparse.training.guard import SparsityGuard

__all__ = ["EmbeddingLoss"]

_CHECK_EVERY = 10  # steps


class EmbeddingLoss(nn.Module):
    """Encodes a batch with the model that is trained, and hands the weights to an objective.

    Parameters
    ----------
    model
        A ``SparseEncoder``.
    objective
        What the weights are trained for.
    teacher
        A ``SentenceTransformer`` with the same tokenizer, whose vectors teach an objective that
        distils; it is not changed.
    guard
        When to give up.
    accumulation
        Batches that one optimiser step is made of.

    Raises
    ------
    InputError
        If the objective needs a teacher and there is none.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: PairObjective,
        *,
        teacher: nn.Module | None = None,
        guard: SparsityGuard | None = None,
        accumulation: int = 1,
    ) -> None:
        super().__init__()
        if teacher is None and objective.loss.needs_teacher:
            raise InputError(
                "the objective distils and there is no teacher; expected a SentenceTransformer of "
                "the same tokenizer, or a loss such as 'info_nce'"
            )
        self.model = model
        self.objective = objective
        self.guard = guard or SparsityGuard()
        self.batches: Tensor
        self.register_buffer("batches", torch.tensor(0))
        self._accumulation = accumulation
        # Not a submodule: it is no part of the state, and must not be trained.
        self._teacher = [] if teacher is None else [teacher.eval().requires_grad_(False)]

    def forward(
        self, sentence_features: Iterable[Mapping[str, Any]], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the terms of the loss of a batch of (query, document) features."""
        pair = [dict(features) for features in sentence_features][:2]
        tasks = ("query", "document")
        weights = [
            self.model(dict(features), task=task)["sentence_embedding"]
            for features, task in zip(pair, tasks, strict=True)
        ]
        queries, documents = (w.to_dense() if w.is_sparse else w for w in weights)
        batch = Batch(queries.detach(), documents.detach())
        with torch.no_grad():
            for teacher in self._teacher:
                batch = Batch(*(teacher(dict(f))["sentence_embedding"] for f in pair))
        step = int(self.batches) // self._accumulation
        terms: dict[str, Tensor] = self.objective(queries, documents, batch, step)
        if self.training:
            if step % _CHECK_EVERY == 0:
                loss = sum(float(term.detach()) for term in terms.values())
                self.guard.check(step, loss, queries, documents)
            self.batches += 1
        return terms

    def own_state(self) -> dict[str, Tensor]:
        """Return the state without the model's, which has files of its own."""
        state = self.state_dict()
        return {name: value for name, value in state.items() if not name.startswith("model.")}

    def load_own_state(self, state: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`own_state` returned."""
        self.load_state_dict(dict(state), strict=False)
