"""Supervision by a text's own words, which keeps the terms of a head readable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from rarefy.errors import InputError
from rarefy.sparse.objectives.pairs import DensePairs

if TYPE_CHECKING:
    from rarefy.sparse.heads.dense_to_sparse import DenseToSparse

__all__ = ["OwnWords", "bag_of_words"]


def bag_of_words(logits: Tensor, own: Tensor) -> Tensor:
    r"""Return the cross-entropy of a head's logits to the words of the text.

    With B(i) the own terms of text i, the mean over texts that have any of

    .. math:: -\frac{1}{|B(i)|} \sum_{t \in B(i)} \log \frac{\exp(z_{it})}{\sum_v \exp(z_{iv})}

    Bag-of-word prediction of Ma, Wu, Su, Lin and Hu, "Drop your Decoder: Pre-training with
    Bag-of-Word Prediction for Dense Passage Retrieval", SIGIR 2024.

    Parameters
    ----------
    logits : float [n, V]
        Before any activation: a term without weight has to learn too.
    own : bool [n, V]
        Which terms occur in the text.

    Raises
    ------
    InputError
        If no text has own terms.
    """
    counts = own.sum(1)
    if not counts.any():
        raise InputError("own has no term in any text; expected at least one")
    losses = -logits.log_softmax(1).masked_fill(~own, 0).sum(1)
    return (losses / counts)[counts > 0].mean()


@dataclass(frozen=True)
class OwnWords:
    """The term of a loss that keeps a head readable: it predicts the words of documents.

    Parameters
    ----------
    head
        The head that is trained.
    own_terms
        The own terms, bool [B, V], of a step's documents.
    weight
        How much it counts.
    """

    head: DenseToSparse
    own_terms: Callable[[int], Tensor]
    weight: float = 1.0

    def __call__(
        self, queries: Tensor, documents: Tensor, batch: DensePairs, step: int
    ) -> dict[str, Tensor]:
        """Return the term of the loss by name; see :meth:`PairObjective.forward`."""
        logits = self.head.logits(batch.documents)
        own = self.own_terms(step).to(logits.device)[:, self.head.columns]
        return {"own_words": self.weight * bag_of_words(logits, own)}
