"""What heads of features without names have in common: their rows, and how many a vector keeps."""

from __future__ import annotations

import torch
from torch import nn

from rarefy.sparse.heads.head import VectorHead, check_counts

__all__ = ["LatentHead"]


class LatentHead(VectorHead):
    """A head whose columns are learnt from nothing: random rows of unit length.

    Parameters
    ----------
    in_features
        Length of the dense vectors.
    vocabulary_size
        Number of features V.
    query_terms, document_terms
        How many features a query and a document keep at most.

    Attributes
    ----------
    rows : float [V, in_features]
        One of each feature.

    Raises
    ------
    InputError
        If a number is below 1.
    """

    def __init__(
        self,
        in_features: int,
        vocabulary_size: int,
        query_terms: int = 48,
        document_terms: int = 192,
    ) -> None:
        super().__init__()
        check_counts(
            in_features=in_features,
            vocabulary_size=vocabulary_size,
            query_terms=query_terms,
            document_terms=document_terms,
        )
        self.in_features = in_features
        self.vocabulary_size = vocabulary_size
        self.query_terms = query_terms
        self.document_terms = document_terms
        rows = torch.randn(vocabulary_size, in_features)
        self.rows = nn.Parameter(nn.functional.normalize(rows, dim=1))
