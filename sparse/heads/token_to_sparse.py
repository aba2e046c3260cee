"""Token states as weights of words: the head of SPLADE over a frozen encoder.

Formal, Lassance, Piwowarski and Clinchant, "SPLADE v2", 2021, equation 6 (maximum over tokens); a
head over the states of a frozen encoder, with an adapter before it, is that of Formal, Clinchant,
Déjean and Lassance, "SPLATE: Sparse Late Interaction Retrieval", SIGIR 2024.

A pooled vector has forgotten its words, token states have not: weights are readable from the start.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers.base.modules import Dense
from sentence_transformers.sparse_encoder.modules import SpladePooling
from torch import Tensor, nn

from rarefy.errors import InputError
from rarefy.sparse.heads.head import Head, check_counts, keep_largest, sample
from rarefy.sparse.heads.words import moments, standardise, whitened, word_columns

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import DenseEncoder

__all__ = ["TokenToSparse"]


class TokenToSparse(Head):
    """Turns a text's token states into weights for the terms of a vocabulary.

    A state x becomes x + gelu(A x), where there is an adapter; then the logits of all terms; a
    term's weight is ``log1p(relu(largest logit - threshold))``.

    Parameters
    ----------
    in_features
        Length of the states.
    vocabulary_size
        Number of columns V.
    threshold
        What a logit must exceed.
    adapter
        Whether there is an adapter; it starts as the identity.
    token_terms
        How many terms each token keeps at most, before the maximum; None for all.
    query_terms, document_terms
        How many terms a query and a document keep at most; None for all.
    chunk
        Tokens whose logits are held at a time; None for all. It changes speed and memory alone.

    Raises
    ------
    InputError
        If a number is below 1, or the threshold below 0.
    """

    config_keys = [  # noqa: RUF012 - as the base class declares it
        "in_features",
        "vocabulary_size",
        "threshold",
        "adapter",
        "token_terms",
        "query_terms",
        "document_terms",
        "chunk",
    ]
    forward_kwargs = {"task"}  # noqa: RUF012

    def __init__(
        self,
        in_features: int,
        vocabulary_size: int,
        threshold: float = 0.0,
        adapter: bool = False,
        token_terms: int | None = None,
        query_terms: int | None = None,
        document_terms: int | None = None,
        chunk: int | None = None,
    ) -> None:
        super().__init__()
        check_counts(
            token_terms=token_terms,
            query_terms=query_terms,
            document_terms=document_terms,
            chunk=chunk,
        )
        if not threshold >= 0:
            raise InputError(f"threshold is {threshold}; expected at least 0")
        self.in_features = in_features
        self.vocabulary_size = vocabulary_size
        self.threshold = threshold
        self.adapter = adapter
        self.token_terms = token_terms
        self.query_terms = query_terms
        self.document_terms = document_terms
        self.chunk = chunk
        self.residual = nn.Linear(in_features, in_features) if adapter else None
        if self.residual is not None:
            nn.init.zeros_(self.residual.weight)
            nn.init.zeros_(self.residual.bias)
        # Columns that may get no weight have a row and a bias of zero, and so no gradient either.
        self.linear = nn.Linear(in_features, vocabulary_size)

    @classmethod
    def tied_to(cls, encoder: DenseEncoder, **options: Any) -> TokenToSparse:
        """Make a head whose rows are the encoder's own word embeddings, centred and whitened.

        Only words get a weight: terms of at least two letters that are not the middle of a word.
        :meth:`fit` should follow.

        Parameters
        ----------
        encoder
            What gives the token states.
        **options
            As for the class.
        """
        embeddings = encoder.word_embeddings
        head = cls(embeddings.shape[1], len(encoder.vocabulary), **options)
        columns = word_columns(encoder.vocabulary)
        with torch.no_grad():
            head.linear.weight.zero_()
            head.linear.bias.zero_()
            head.linear.weight[columns] = whitened(embeddings[columns].cpu())
        return head.to(embeddings.device).eval()

    @torch.inference_mode()
    def fit(self, encoder: DenseEncoder, texts: Iterable[str]) -> None:
        """Standardise every term over the tokens of a sample of texts; hundreds are enough.

        Raises
        ------
        InputError
            If there are less than two distinct texts.
        """
        states = encoder.pipeline.encode(
            sample(texts), output_value="token_embeddings", convert_to_numpy=False
        )
        mean, deviation = moments(self.linear, self._adapted(torch.cat(states).float()))
        unused = ~self.linear.weight.any(1).cpu().numpy()
        deviation[unused] = 1
        standardise(self.linear, mean, deviation)

    def forward(
        self, features: dict[str, Any], *, task: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Add ``sentence_embedding`` [n, vocabulary_size].

        It is made of ``token_embeddings`` [n, tokens, in_features] and ``attention_mask``.
        """
        largest = self.largest_logits(features["token_embeddings"], features["attention_mask"])
        k = self.query_terms if task == "query" else self.document_terms
        features["sentence_embedding"] = keep_largest(largest.relu().log1p(), k)
        return features

    def largest_logits(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return each term's largest logit over a text's tokens, above the threshold.

        Parameters
        ----------
        states : float [n, tokens, in_features]
            The states of the tokens.
        mask : [n, tokens]
            Zero where there is no token.

        Returns
        -------
        float [n, vocabulary_size]
            Logits minus the threshold; 0 instead of those of absent tokens, and of terms that a
            token does not keep.
        """
        parts = []
        absent = ~mask.bool()[..., None]
        for start in range(0, states.shape[1], self.chunk or states.shape[1]):
            tokens = slice(start, start + self.chunk if self.chunk else None)
            logits = nn.functional.linear(
                self._adapted(states[:, tokens]),
                self.linear.weight,
                self.linear.bias - self.threshold,
            )
            logits = logits.masked_fill(absent[:, tokens], 0)
            parts.append(keep_largest(logits, self.token_terms).amax(1))
        return torch.stack(parts).amax(0)

    def builtin(self) -> list[nn.Module]:
        """Return modules of sentence-transformers alone that compute the same weights.

        ``SparseEncoder(modules=[transformer, *head.builtin()], max_active_dims=k)`` can be saved,
        and loads anywhere, with no code of this package; k is the number of terms to keep.

        Raises
        ------
        InputError
            If tokens keep some of their terms alone: no built-in module does that.
        """
        if self.token_terms is not None:
            raise InputError(
                f"token_terms is {self.token_terms}; expected None: no built-in module does that"
            )
        modules: list[nn.Module] = []
        if self.residual is not None:
            modules.append(
                Dense(
                    self.in_features,
                    self.in_features,
                    activation_function=nn.GELU(),
                    init_weight=self.residual.weight.detach().clone(),
                    init_bias=self.residual.bias.detach().clone(),
                    use_residual=True,
                    module_input_name="token_embeddings",
                )
            )
        modules.append(
            Dense(
                self.in_features,
                self.vocabulary_size,
                activation_function=nn.Identity(),
                init_weight=self.linear.weight.detach().clone(),
                init_bias=self.linear.bias.detach() - self.threshold,
                module_input_name="token_embeddings",
            )
        )
        modules.append(
            SpladePooling("max", embedding_dimension=self.vocabulary_size, chunk_size=self.chunk)
        )
        return modules

    def _adapted(self, states: Tensor) -> Tensor:
        if self.residual is None:
            return states
        return nn.functional.gelu(self.residual(states)) + states
