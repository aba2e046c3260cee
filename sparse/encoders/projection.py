"""The largest logit of each term over a text's tokens, without the logits of every token.

SPLADE's weight of a term is ``log1p(relu(max over tokens of the logit))``. Nearly all logits are
negative, so their sign is found first, in bfloat16 where that is fast, on blocks of terms that
stay in the cache; then the few that may be positive are computed in float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rarefy.sparse.encoders.precision import has_fast_bfloat16

__all__ = ["Projection"]

_CELLS = 2**21  # logits at a time: 4 MiB of bfloat16

# How far below zero a bfloat16 logit may be and the float32 one still be positive enough to
# matter, relative to the largest logit without bias; measured deviations are below half of it.
_MARGIN = 2**-6


class Projection:
    """A projection of token states to logits over a vocabulary.

    Parameters
    ----------
    weight : float32 [V, h]
        One row a term.
    bias : float32 [V], optional
        Added to the logits.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._weight = weight.detach().float()
        self._bias = (
            weight.new_zeros(len(weight)).float() if bias is None else bias.detach().float()
        )
        fast = has_fast_bfloat16(weight.device)
        self._search = self._weight.bfloat16() if fast else self._weight

    def positive_maxima(
        self, states: Tensor, lengths: Sequence[int]
    ) -> list[tuple[Tensor, Tensor]]:
        """Return each text's terms whose largest logit is positive.

        Parameters
        ----------
        states : float32 [T, h]
            The states of all tokens, text after text.
        lengths
            Tokens of each text; their sum is T.

        Returns
        -------
        list of (columns : int64, logits : float32)
            One pair a text, columns ascending.
        """
        maxima = self._maxima(states.to(self._search.dtype), lengths)
        if self._search.dtype == torch.float32:
            return [_positive(row + self._bias) for row in maxima]
        margins = _MARGIN * maxima.abs().amax(1, keepdim=True)
        candidates = (maxima + self._bias) > -margins
        results = []
        for own, row in zip(states.split(list(lengths)), candidates, strict=True):
            columns = row.nonzero().squeeze(1)
            logits = (own @ self._weight[columns].T).amax(0) + self._bias[columns]
            kept, logits = _positive(logits)
            results.append((columns[kept], logits))
        return results

    def _maxima(self, states: Tensor, lengths: Sequence[int]) -> Tensor:
        """Return the largest logit without bias; float32 [B, V]."""
        width = len(self._search)
        maxima = states.new_empty((len(lengths), width), dtype=torch.float32)
        step = max(256, _CELLS // len(states))
        for start in range(0, width, step):
            logits = states @ self._search[start : start + step].T
            for i, own in enumerate(logits.split(list(lengths))):
                maxima[i, start : start + step] = own.amax(0)
        return maxima


def _positive(logits: Tensor) -> tuple[Tensor, Tensor]:
    columns = (logits > 0).nonzero().squeeze(1)
    return columns, logits[columns]
