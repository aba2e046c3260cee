"""What heads have in common: they are modules of sentence-transformers, saved as these are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from rarefy.errors import InputError
from rarefy.sparse.model import Role
from rarefy.sparse.rows import Row, stack
from rarefy.sparse.saved import SavedModule
from rarefy.sparse.texts import checked

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import DenseEncoder

__all__ = ["Head", "VectorHead", "check_counts", "keep_largest", "sample"]

_VECTORS = 256  # projected at a time


class Head(SavedModule):
    """A module that gives weights [n, vocabulary_size]: the last one of a SparseEncoder.

    Attributes
    ----------
    vocabulary_size : int
        Number of columns V.
    """

    vocabulary_size: int

    def get_embedding_dimension(self) -> int:
        """Return the number of columns."""
        return self.vocabulary_size


class VectorHead(Head):
    """A head over one dense vector a text.

    Attributes
    ----------
    in_features : int
        Length of the dense vectors.
    query_terms, document_terms : int
        How many terms a query and a document keep at most.
    """

    forward_kwargs = {"task"}  # noqa: RUF012

    in_features: int
    query_terms: int
    document_terms: int

    @abstractmethod
    def heaviest(self, vectors: Tensor, task: str | None) -> tuple[Tensor, Tensor]:
        """Return the largest weights of each vector and their columns.

        Parameters
        ----------
        vectors : float [n, in_features]
            Dense vectors.
        task
            ``"query"``; anything else is a document.

        Returns
        -------
        weights : float [n, k], columns : int64 [n, k]
            k is what :meth:`terms` says, or fewer where there are not as many columns.
        """

    def terms(self, task: str | None) -> int:
        """Return how many terms a query or a document keeps at most."""
        return self.query_terms if task == "query" else self.document_terms

    def fit(self, encoder: DenseEncoder, texts: Iterable[str], *, progress: bool = False) -> None:
        """Fit to a sample of texts, such as the corpus, what needs no training.

        Raises
        ------
        InputError
            If the head has nothing of that kind, or there are less than two distinct texts.
        """
        raise InputError(
            f"a {type(self).__name__} head has nothing to fit: train it, or encode with it"
        )

    def forward(
        self, features: dict[str, Any], *, task: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Replace ``sentence_embedding`` [n, in_features] by weights [n, vocabulary_size]."""
        weights, columns = self.heaviest(features["sentence_embedding"], task)
        result = weights.new_zeros((len(weights), self.vocabulary_size))
        features["sentence_embedding"] = result.scatter(1, columns, weights)
        return features

    @torch.inference_mode()
    def project(self, vectors: NDArray[np.float32], role: Role) -> sparse.csr_array:
        """Project dense vectors without a dense result.

        Parameters
        ----------
        vectors : float32 [n, in_features]
        role
            Which number of terms to keep.

        Returns
        -------
        scipy.sparse.csr_array
            float32 [n, vocabulary_size].
        """
        device = next(self.parameters()).device
        rows = []
        for start in range(0, len(vectors), _VECTORS):
            part = torch.from_numpy(vectors[start : start + _VECTORS]).to(device)
            weights, places = self.heaviest(part, role)
            for own, columns in zip(weights.cpu().numpy(), places.cpu().numpy(), strict=True):
                order = np.argsort(columns)
                order = order[own[order] > 0]
                rows.append(Row(columns[order].astype(np.uint32), own[order]))
        return stack(rows, self.vocabulary_size)


def check_counts(**counts: int | None) -> None:
    """Raise InputError if one of these numbers is there and below 1."""
    for name, value in counts.items():
        if value is not None and not value >= 1:
            raise InputError(f"{name} is {value}; expected at least 1")


def sample(texts: Iterable[str]) -> list[str]:
    """Return the distinct texts that are not blank, to fit a head to.

    Raises
    ------
    InputError
        If there are less than two.
    """
    distinct = [text for text in dict.fromkeys(checked(texts)) if text.strip()]
    if len(distinct) < 2:
        raise InputError(f"the sample has {len(distinct)} distinct texts; expected at least 2")
    return distinct


def keep_largest(weights: Tensor, k: int | None) -> Tensor:
    """Return the weights with all but the k largest of each row set to zero.

    Parameters
    ----------
    weights : float [..., V]
    k
        How many; None keeps all.
    """
    if k is None or k >= weights.shape[-1]:
        return weights
    values, columns = weights.topk(k, dim=-1)
    return torch.zeros_like(weights).scatter(-1, columns, values)
