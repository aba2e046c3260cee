"""Supervision by a text's own words, which keeps the terms of a head readable."""

from __future__ import annotations

from torch import Tensor

from rarefy.errors import InputError

__all__ = ["bag_of_words"]


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
