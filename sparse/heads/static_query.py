"""Queries without a model: the weight of a term is the same in every query that has it.

Geng, Ru and Yang, "Towards Competitive Search Relevance For Inference-Free Learned Sparse
Retrievers", 2024 (weights are inverse document frequencies); Nardini, Nguyen, Rulli, Venturini and
Yates, "Effective Inference-Free Retrieval for Learned Sparse Representations", SIGIR 2025 (weights
are learned, Li-LSR).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding
from torch import Tensor, nn

from rarefy.errors import InputError
from rarefy.sparse.heads.head import Head, check_counts
from rarefy.sparse.vocabulary import Vocabulary

__all__ = ["StaticQuery"]


class StaticQuery(Head):
    """Turns a query's tokens into weights: a table of one weight a term.

    Weights are ``log1p(relu(score))`` of trainable scores. Train it with a document head against
    it, then search with :meth:`builtin`.

    Parameters
    ----------
    vocabulary_size
        Number of columns V.
    """

    config_keys = ["vocabulary_size"]  # noqa: RUF012 - as the base class declares it

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        check_counts(vocabulary_size=vocabulary_size)
        self.vocabulary_size = vocabulary_size
        self.scores = nn.Parameter(torch.full((vocabulary_size,), torch.e - 1))

    @classmethod
    def from_document_frequencies(
        cls, frequencies: NDArray[np.integer], documents: int, vocabulary: Vocabulary
    ) -> StaticQuery:
        """Make a table of inverse document frequencies.

        ``ln(1 + (N - df + 0.5) / (df + 0.5))``: Robertson and Zaragoza, "The Probabilistic
        Relevance Framework: BM25 and Beyond", 2009, as in Lucene.

        Parameters
        ----------
        frequencies : int [V]
            df: how many documents have each term.
        documents
            N.
        vocabulary
            Of the columns; the special ones get no weight.

        Raises
        ------
        InputError
            If there is not one frequency a term, or one is not between 0 and N.
        """
        if frequencies.shape != (len(vocabulary),):
            raise InputError(
                f"frequencies have the shape {frequencies.shape}; expected ({len(vocabulary)},)"
            )
        if frequencies.min() < 0 or frequencies.max() > documents:
            raise InputError(
                f"frequencies go from {frequencies.min()} to {frequencies.max()}; "
                f"expected 0 to {documents}, the number of documents"
            )
        head = cls(len(vocabulary))
        odds = (documents - frequencies + 0.5) / (frequencies + 0.5)
        odds[sorted(vocabulary.special)] = 0
        with torch.no_grad():
            # The weight, log1p of the score, is the inverse document frequency.
            head.scores.copy_(torch.from_numpy(odds))
        return head

    @property
    def weights(self) -> Tensor:
        """The table; float [vocabulary_size]."""
        return self.scores.relu().log1p()

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add ``sentence_embedding`` [n, vocabulary_size] of ``input_ids`` and their mask."""
        tokens, mask = features["input_ids"], features["attention_mask"]
        present = torch.zeros(len(tokens), self.vocabulary_size, device=tokens.device)
        present = present.scatter_reduce(1, tokens, mask.to(present), "amax")
        features["sentence_embedding"] = present * self.weights
        return features

    def builtin(self, tokenizer: Any) -> SparseStaticEmbedding:
        """Return the module of sentence-transformers that gives the same weights.

        Put before the documents' modules with ``Router.for_query_document``, it makes a
        SparseEncoder that loads anywhere.

        Parameters
        ----------
        tokenizer
            A ``transformers`` tokenizer: that of the documents' encoder.
        """
        return SparseStaticEmbedding(tokenizer, weight=self.weights.detach().clone(), frozen=True)
