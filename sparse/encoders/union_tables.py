"""What a union of words and latent entries learns from unlabelled general text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarefy.errors import InputError
from rarefy.sparse.folding import DROPPED, fold_inflections, folded_pieces
from rarefy.sparse.heads.signed_rotation import SignedRotation
from rarefy.sparse.lexical import BM25

__all__ = ["union_tables"]

_LEAST_IDF = 3.0  # of a piece that counts: below are function words and the like
_LENGTH = 150.0  # of a passage of a usual collection, in pieces that count


def union_tables(
    tokenizer: Any,
    texts: list[str],
    vectors: NDArray[np.floating],
    *,
    rotations: int = 2,
    seed: int = 0,
) -> dict[str, NDArray[Any]]:
    """Measure word-pieces and the mean vector, and draw rotations.

    Nothing here is trained by gradients: on collections from elsewhere, a trained projection was
    never better than random rotations (see docs/minilm-d2s.md).

    Parameters
    ----------
    tokenizer
        The encoder's fast tokenizer.
    texts
        General text, tens of thousands of passages.
    vectors : float [n, d]
        Dense vectors of a sample of it.
    rotations, seed
        As for :class:`SignedRotation`.

    Returns
    -------
    dict
        ``fold`` int16 [V], ``documents``, ``average_length``, ``document_frequencies`` int32 [V],
        ``mean`` float16 [d], ``rows`` float16 [rotations * d, d]. The length is a constant:
        general text is shorter than the documents that are searched.

    Raises
    ------
    InputError
        If there are no texts or no vectors.
    """
    if not texts or not len(vectors):
        raise InputError(
            f"there are {len(texts)} texts and {len(vectors)} vectors; expected some of both"
        )
    pieces = BM25(tokenizer).fit(texts)
    terms = pieces.vocabulary.terms
    fold = fold_inflections(tuple(terms), pieces.statistics()["document_frequencies"])
    folded = BM25(folded_pieces(tokenizer, fold)).fit(texts)
    fold[folded.idf[fold] < _LEAST_IDF] = DROPPED
    head = SignedRotation(vectors.shape[1], rotations, seed=seed)
    return {
        "fold": fold,
        "documents": np.array(len(texts)),
        "average_length": np.array(_LENGTH),
        "document_frequencies": folded.statistics()["document_frequencies"].astype(np.int32),
        "mean": vectors.mean(0, dtype=np.float64).astype(np.float16),
        "rows": head.rows.detach().numpy().astype(np.float16),
    }
