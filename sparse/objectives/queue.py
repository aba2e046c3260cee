"""The documents of the last steps, as negatives and as neighbours of what a batch holds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rarefy.errors import InputError
from rarefy.sparse.objectives.contrastive import info_nce
from rarefy.sparse.objectives.pairs import DensePairs

__all__ = ["QueuedDocuments"]


class QueuedDocuments(nn.Module):
    r"""The terms of a loss over a queue of documents: more negatives than a batch holds.

    `negatives` is InfoNCE of each query's document among the batch and the queue: He et al.,
    "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR 2020, here with the
    vectors of the head as it was some steps ago. `neighbours` is InfoNCE of the batch in which the
    queue's nearest stands for each document, a further description of about the same: Li et al.,
    "Supervision Exists Everywhere: A Data Efficient Contrastive Language-Image Pre-training
    Paradigm" (DeCLIP), ICLR 2022. The queue is part of the checkpoint.

    Parameters
    ----------
    vocabulary_size
        V, of the weights that the objective is given.
    size
        Documents that the queue holds, float32 [size, V].
    negatives, neighbours
        Weights of the two terms, 0 or more; 0 leaves one out.
    temperature
        Divides the scores.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    def __init__(
        self,
        vocabulary_size: int,
        size: int = 1024,
        *,
        negatives: float = 1.0,
        neighbours: float = 0.0,
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        if min(vocabulary_size, size) < 1 or min(negatives, neighbours) < 0 or not temperature > 0:
            raise InputError(
                f"vocabulary_size is {vocabulary_size}, size {size}, the weights {negatives} and "
                f"{neighbours}, temperature {temperature}; expected at least 1, weights of at "
                "least 0, and a temperature above 0"
            )
        self.size, self.temperature = size, temperature
        self.negatives, self.neighbours = negatives, neighbours
        self.held: Tensor
        self.seen: Tensor
        self.register_buffer("held", torch.zeros(size, vocabulary_size))
        self.register_buffer("seen", torch.tensor(0))

    @property
    def documents(self) -> Tensor:
        """What the queue holds now, [at most size, V]."""
        return self.held[: min(int(self.seen), self.size)]

    def forward(
        self, queries: Tensor, documents: Tensor, batch: DensePairs, step: int
    ) -> dict[str, Tensor]:
        """Return the terms of the loss by name, and queue the documents."""
        held = self.documents.to(queries).clone()
        terms = {}
        if self.negatives:
            scores = queries @ torch.cat([documents, held]).T / self.temperature
            loss = info_nce(scores, directions="queries")
            terms["queued_negatives"] = self.negatives * loss
        if self.neighbours and len(held):
            nearest = held[(documents.detach() @ held.T).argmax(1)]
            loss = info_nce(queries @ nearest.T, temperature=self.temperature)
            terms["queued_neighbours"] = self.neighbours * loss
        self._push(documents.detach())
        return terms

    def _push(self, documents: Tensor) -> None:
        kept = documents[-self.size :].to(self.held)
        start = int(self.seen) + len(documents) - len(kept)
        places = torch.arange(start, start + len(kept), device=self.held.device) % self.size
        self.held[places] = kept
        self.seen += len(documents)
