"""The word-pieces that occur in a text, for objectives that look at a text's own terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

__all__ = ["OwnTerms", "terms_of"]

_TEXTS = 4096  # tokenised at a time


def terms_of(tokenizer: Any, texts: Sequence[str], vocabulary_size: int) -> sparse.csr_array:
    """Mark the terms of texts.

    Parameters
    ----------
    tokenizer
        Of ``transformers``; texts are read to their ends, special tokens are none of their terms.
    texts
        n texts.
    vocabulary_size
        V.

    Returns
    -------
    scipy.sparse.csr_array
        float32 [n, V], 1 where a term occurs, columns ascending.
    """
    columns: list[NDArray[np.int32]] = []
    for start in range(0, len(texts), _TEXTS):
        part = list(texts[start : start + _TEXTS])
        ids = tokenizer(part, add_special_tokens=False, truncation=False, verbose=False).input_ids
        columns += [np.unique(np.array(own, dtype=np.int32)) for own in ids]
    starts = np.concatenate([[0], np.cumsum([len(own) for own in columns])])
    joined = np.concatenate([np.zeros(0, np.int32), *columns])
    weights = np.ones(len(joined), dtype=np.float32)
    return sparse.csr_array((weights, joined, starts), shape=(len(texts), vocabulary_size))


class OwnTerms:
    """The own terms of the texts in a step's batch.

    Parameters
    ----------
    terms
        CSR [n, V] of all texts, as :func:`terms_of` gives it.
    rows
        Which texts are in the batch of a step: :meth:`PairBatches.rows`.
    """

    def __init__(self, terms: sparse.csr_array, rows: Callable[[int], NDArray[np.int64]]) -> None:
        self._terms, self._rows = terms, rows

    def __call__(self, step: int) -> Tensor:
        """Return the own terms of a step's texts; bool [B, V]."""
        return torch.from_numpy(self._terms[self._rows(step)].toarray() > 0)
