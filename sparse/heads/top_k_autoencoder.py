"""A dense vector as a few of many latent features: a sparse code from which it can be rebuilt.

Wen et al., "Beyond Matryoshka: Revisiting Sparse Coding for Adaptive Representation", ICML 2025
(CSR). The auxiliary loss for dead units is of Gao et al., "Scaling and evaluating sparse
autoencoders", 2024, appendix A.2.
"""

from __future__ import annotations

import torch
from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder
from torch import Tensor, nn

from rarefy.sparse.heads.head import check_counts
from rarefy.sparse.heads.latent import LatentHead

__all__ = ["TopKAutoencoder"]


class TopKAutoencoder(LatentHead):
    r"""Turns a dense vector into weights of latent features, which have no names.

    With rows W at unit length and biases at zero to begin with,

    .. math:: z = relu(TopK(W (x - b_{pre}) + b)), \qquad \hat{x} = W^T z + b_{pre}

    Parameters
    ----------
    in_features
        Length of the dense vectors.
    vocabulary_size
        Number of latent features.
    query_terms, document_terms
        How many features a query and a document keep at most.
    dead_after
        A feature is dead when that many training steps went by without it.
    dead_terms
        How many dead features rebuild what the others miss.

    Raises
    ------
    InputError
        If a number is below 1.
    """

    config_keys = [  # noqa: RUF012 - as the base class declares it
        "in_features",
        "vocabulary_size",
        "query_terms",
        "document_terms",
        "dead_after",
        "dead_terms",
    ]

    def __init__(
        self,
        in_features: int,
        vocabulary_size: int,
        query_terms: int = 48,
        document_terms: int = 192,
        dead_after: int = 30,
        dead_terms: int = 512,
    ) -> None:
        super().__init__(in_features, vocabulary_size, query_terms, document_terms)
        check_counts(dead_after=dead_after, dead_terms=dead_terms)
        self.dead_after = dead_after
        self.dead_terms = dead_terms
        self.bias = nn.Parameter(torch.zeros(vocabulary_size))
        self.pre_bias = nn.Parameter(torch.zeros(in_features))
        self.silent: Tensor
        self.register_buffer("silent", torch.zeros(vocabulary_size, dtype=torch.int64))

    @property
    def dead(self) -> Tensor:
        """Which features have not been used for long; bool [vocabulary_size]."""
        return self.silent >= self.dead_after

    def logits(self, vectors: Tensor) -> Tensor:
        """Return the features' logits [n, vocabulary_size] of vectors [n, in_features]."""
        return nn.functional.linear(vectors - self.pre_bias, self.rows, self.bias)

    def heaviest(self, vectors: Tensor, task: str | None) -> tuple[Tensor, Tensor]:
        """Return the largest weights of each vector and their columns; [n, k] each."""
        logits, columns = self.logits(vectors).topk(
            min(self.terms(task), self.vocabulary_size), dim=1
        )
        return logits.relu(), columns

    def decode(self, codes: Tensor) -> Tensor:
        """Return the dense vectors [n, in_features] that codes [n, vocabulary_size] stand for."""
        return codes @ self.rows + self.pre_bias

    def reconstruction_terms(self, vectors: Tensor, k: int) -> dict[str, Tensor]:
        r"""Return the terms of CSR's reconstruction loss by name, unweighted; one training step.

        .. math:: L(k) + \frac{1}{8} L(4k) + \beta L_{aux}

        L is the mean squared difference of the vectors and those decoded from their k largest
        features. L_aux is that of what is missing at k and what the dead features say it is,
        divided by the variance of what is missing.

        Parameters
        ----------
        vectors : float [n, in_features]
            Dense vectors.
        k
            Features of a vector; :class:`rarefy.sparse.objectives.Schedule` anneals it.

        Returns
        -------
        dict
            ``"top_k"``, ``"top_4k"``, and ``"dead"`` where there are dead features.
        """
        check_counts(k=k)
        logits = self.logits(vectors)
        codes = _largest(logits, k)
        decoded = self.decode(codes)
        wider = self.decode(_largest(logits, 4 * k))
        terms = {
            "top_k": nn.functional.mse_loss(decoded, vectors),
            "top_4k": nn.functional.mse_loss(wider, vectors),
        }
        dead = self.dead
        if dead.any():
            missing = (vectors - decoded).detach()
            found = _largest(logits.masked_fill(~dead, 0), self.dead_terms) @ self.rows
            variance = missing.var(0, correction=0).mean().clamp(min=1e-12)
            terms["dead"] = nn.functional.mse_loss(found, missing) / variance
        if self.training:
            self.silent += 1
            self.silent[(codes > 0).any(0)] = 0
        return terms

    def builtin(self) -> SparseAutoEncoder:
        """Return the module of sentence-transformers that gives the weights of documents.

        ``SparseEncoder(modules=[*dense, head.builtin()])`` can be saved, and loads anywhere; it
        keeps `document_terms` unless ``max_active_dims`` says otherwise.
        """
        module = SparseAutoEncoder(
            self.in_features,
            self.vocabulary_size,
            k=min(self.document_terms, self.vocabulary_size),
            k_aux=min(self.dead_terms, self.vocabulary_size),
            dead_threshold=self.dead_after,
        )
        module.load_state_dict(
            {
                "encoder.weight": self.rows,
                "decoder.linear.weight": self.rows,
                "latent_bias": self.bias,
                "pre_bias": self.pre_bias,
                "stats_last_nonzero": self.silent,
            }
        )
        return module.to(self.rows.device)


def _largest(logits: Tensor, k: int) -> Tensor:
    values, columns = logits.topk(min(k, logits.shape[1]), dim=1)
    return torch.zeros_like(logits).scatter(1, columns, values.relu())
