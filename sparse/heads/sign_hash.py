"""A dense vector as the signs of its projections: hashing, served by an inverted index."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rarefy.sparse.heads.head import VectorHead, check_counts, sample

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import DenseEncoder

__all__ = ["SignHash"]


class SignHash(VectorHead):
    r"""Turns a dense vector into one column a bit: which of two says the sign.

    With rows R, :math:`h = R (x - \mu)`: bit j is column j if :math:`h_j \ge 0`, else column
    j + bits, and its weight is 1. The product of two vectors is the number of bits that are the
    same, so the order is that of Hamming distance. Random rows: Charikar, "Similarity Estimation
    Techniques from Rounding Algorithms", STOC 2002. In training the weight is tanh |h| instead,
    which has a gradient, as in hashing across modalities.

    Parameters
    ----------
    in_features
        Length of the dense vectors.
    bits
        Columns are twice as many.
    seed
        Of the rows.

    Raises
    ------
    InputError
        If a number is below 1.
    """

    config_keys = ["in_features", "bits", "seed"]  # noqa: RUF012 - as the base class declares it

    def __init__(self, in_features: int, bits: int = 256, seed: int = 0) -> None:
        super().__init__()
        check_counts(in_features=in_features, bits=bits)
        self.in_features = in_features
        self.bits = bits
        self.seed = seed
        self.vocabulary_size = 2 * bits
        self.query_terms = self.document_terms = bits
        generator = torch.Generator().manual_seed(seed)
        self.rows = nn.Parameter(torch.randn(bits, in_features, generator=generator))
        self.mean: Tensor
        self.register_buffer("mean", torch.zeros(in_features))

    def fit(self, encoder: DenseEncoder, texts: Iterable[str], *, progress: bool = False) -> None:
        """Take the mean vector of a sample off all vectors, so that bits are about even.

        Raises
        ------
        InputError
            If there are less than two distinct texts.
        """
        vectors = encoder.encode(sample(texts), role="document", progress=progress)
        self.mean.copy_(torch.from_numpy(vectors.mean(0)))

    def heaviest(self, vectors: Tensor, task: str | None) -> tuple[Tensor, Tensor]:
        """Return the weights of each vector's bits and their columns; [n, bits] each."""
        projected = nn.functional.linear(vectors - self.mean, self.rows)
        columns = torch.arange(self.bits, device=projected.device) + self.bits * (projected < 0)
        weights = projected.abs().tanh() if self.training else torch.ones_like(projected)
        return weights, columns
