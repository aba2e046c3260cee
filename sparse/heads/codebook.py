"""A dense vector as a few entries of a codebook that several encoders share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rarefy.errors import InputError
from rarefy.sparse.heads.head import VectorHead, check_counts

__all__ = ["Codebook", "sparsemax"]


class Codebook(VectorHead):
    r"""Turns a dense vector into how much of each code it is made of; most are none.

    With the codes C, [A, d],

    .. math:: a = \mathrm{sparsemax}(C x / (\sqrt{d} \, T)), \qquad f = C^T a

    Chen et al., "Revisiting Multimodal Representation in Contrastive Learning: From Patch and Token
    Embeddings to Finite Discrete Tokens", CVPR 2023, where x is the maximum over patches or tokens
    of each code's product; here it is one vector. The weights a are what is indexed: shares that
    sum to 1 before all but the largest are dropped.

    Parameters
    ----------
    in_features
        Length d of the dense vectors.
    vocabulary_size
        Number of codes A.
    temperature
        T, above 0: the lower, the fewer codes a vector has.
    query_terms, document_terms
        How many codes a query and a document keep at most.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    config_keys = [  # noqa: RUF012 - as the base class declares it
        "in_features",
        "vocabulary_size",
        "temperature",
        "query_terms",
        "document_terms",
    ]

    def __init__(
        self,
        in_features: int,
        vocabulary_size: int,
        temperature: float = 1.0,
        query_terms: int = 48,
        document_terms: int = 192,
    ) -> None:
        super().__init__()
        check_counts(
            vocabulary_size=vocabulary_size, query_terms=query_terms, document_terms=document_terms
        )
        if not temperature > 0:
            raise InputError(f"temperature is {temperature}; expected a number above 0")
        self.in_features = in_features
        self.vocabulary_size = vocabulary_size
        self.temperature = temperature
        self.query_terms = query_terms
        self.document_terms = document_terms
        self.codes = nn.Parameter(torch.randn(vocabulary_size, in_features))

    def shares(self, vectors: Tensor) -> Tensor:
        """Return a [n, A] of vectors [n, d]: not negative, and 1 in sum."""
        scale = self.temperature * self.in_features**0.5
        return sparsemax(nn.functional.linear(vectors, self.codes) / scale)

    def decode(self, shares: Tensor) -> Tensor:
        """Return the features f [n, d] of shares [n, A]."""
        return shares @ self.codes

    def heaviest(self, vectors: Tensor, task: str | None) -> tuple[Tensor, Tensor]:
        """Return the largest weights of each vector and their columns; [n, k] each."""
        weights, columns = self.shares(vectors).topk(
            min(self.terms(task), self.vocabulary_size), dim=1
        )
        return weights, columns


def sparsemax(logits: Tensor) -> Tensor:
    r"""Return the point of the simplex that is nearest to each row of logits.

    With z sorted to fall, k the largest with :math:`1 + k z_k > \sum_{j \le k} z_j`, and
    :math:`\tau = (\sum_{j \le k} z_j - 1) / k`, it is :math:`relu(z - \tau)`. Martins and
    Astudillo, "From Softmax to Sparsemax: A Sparse Model of Attention and Multi-Label
    Classification", ICML 2016, algorithm 1.

    Parameters
    ----------
    logits : float [n, A]

    Returns
    -------
    float [n, A]
        Not negative; each row sums to 1.
    """
    # Sums of large numbers have no digits left for the 1; it is the same of shifted ones.
    logits = logits - logits.detach().amax(1, keepdim=True)
    falling, _ = logits.sort(dim=1, descending=True)
    places = torch.arange(1, logits.shape[1] + 1, device=logits.device)
    sums = falling.cumsum(1)
    kept = (1 + places * falling > sums).sum(1, keepdim=True)
    threshold = (sums.gather(1, kept - 1) - 1) / kept
    return (logits - threshold).relu()
