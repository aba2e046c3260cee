"""Texts to sparse vectors over a vocabulary.

    texts -> encoder (dense vectors, or logits of a masked LM) -> head -> scipy CSR float32 [n, V]

Names are imported when they are first used: BM25 needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rarefy.lazy import lazy as _lazy

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import DenseEncoder
    from rarefy.sparse.encoders.given import GivenVectors
    from rarefy.sparse.encoders.images import ImageEncoder
    from rarefy.sparse.heads.codebook import Codebook
    from rarefy.sparse.heads.concept_autoencoder import ConceptAutoencoder
    from rarefy.sparse.heads.dense_to_sparse import DenseToSparse
    from rarefy.sparse.heads.sign_hash import SignHash
    from rarefy.sparse.heads.signed_rotation import SignedRotation
    from rarefy.sparse.heads.static_query import StaticQuery
    from rarefy.sparse.heads.token_to_sparse import TokenToSparse
    from rarefy.sparse.heads.top_k_autoencoder import TopKAutoencoder
    from rarefy.sparse.lexical import BM25
    from rarefy.sparse.model import TermModel
    from rarefy.sparse.registry import load
    from rarefy.sparse.sparse_model import SparseModel
    from rarefy.sparse.towers import Towers
    from rarefy.sparse.vocabulary import Vocabulary

_HOME = {
    "BM25": "lexical",
    "Codebook": "heads.codebook",
    "ConceptAutoencoder": "heads.concept_autoencoder",
    "DenseEncoder": "encoders.dense",
    "DenseToSparse": "heads.dense_to_sparse",
    "GivenVectors": "encoders.given",
    "ImageEncoder": "encoders.images",
    "SignHash": "heads.sign_hash",
    "SignedRotation": "heads.signed_rotation",
    "SparseModel": "sparse_model",
    "StaticQuery": "heads.static_query",
    "TermModel": "model",
    "TokenToSparse": "heads.token_to_sparse",
    "TopKAutoencoder": "heads.top_k_autoencoder",
    "Towers": "towers",
    "Vocabulary": "vocabulary",
    "load": "registry",
}

__all__ = [
    "BM25",
    "Codebook",
    "ConceptAutoencoder",
    "DenseEncoder",
    "DenseToSparse",
    "GivenVectors",
    "ImageEncoder",
    "SignHash",
    "SignedRotation",
    "SparseModel",
    "StaticQuery",
    "TermModel",
    "TokenToSparse",
    "TopKAutoencoder",
    "Towers",
    "Vocabulary",
    "load",
]

__getattr__, __dir__ = _lazy(__name__, _HOME, "encode")
